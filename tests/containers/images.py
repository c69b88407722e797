"""What `make images` builds."""

IMAGE = "crexpress-cpu:0.1.0"
