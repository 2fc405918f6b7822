"""Writing `train.py`: a program that trains the network of a graph by the plan of a recipe, in Keras's own manner."""
