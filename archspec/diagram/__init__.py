"""Pictures of networks: what is drawn (`figure_builder`), where it stands (`layout`, `coordinates`), and how (`svg`,
`raster`).
"""
