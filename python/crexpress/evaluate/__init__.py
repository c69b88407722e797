"""What predictions and links are worth: against observed expression and perturbation screens."""
