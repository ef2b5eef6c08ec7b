"""`make gallery`: what arrives, as pictures, made from the sample alone and always of the same day."""
