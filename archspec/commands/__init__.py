"""The commands of `archspec`, one file each: `add_arguments` declares the arguments, `run_NAME` does the work."""
