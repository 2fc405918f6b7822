"""Pictures of networks: what is drawn (`reading`), where it stands (`lanes`, `placing`), and how (`svg`, `raster`)."""
