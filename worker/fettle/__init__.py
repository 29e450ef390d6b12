"""fettle's part inside the Python processes: the zygote and the workers. Runs from the installation, never from the application's environment."""
