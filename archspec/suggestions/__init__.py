"""What to write instead: the words of other libraries, misspellings, and forms that are nearly right."""
