"""The families for CIFAR-10: He et al. 2015 and 2016, the Keras example, the ablations."""
