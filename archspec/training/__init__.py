"""Training: what a recipe asks for, made concrete, and the program that is written from it."""
