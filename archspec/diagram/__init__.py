"""Pictures of networks: what is drawn (`reading`), where it stands (`layout`, `placing`), and how (`svg`, `raster`)."""
