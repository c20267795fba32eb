"""The words of Pushgate as frozen values, without any I/O."""
