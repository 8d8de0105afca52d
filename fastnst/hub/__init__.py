"""Networks on the Hugging Face Hub: pulled, pushed and searched for."""
