"""What is read out of a trained model: attention and in-silico perturbation."""
