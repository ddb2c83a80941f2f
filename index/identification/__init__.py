"""Questions about photos: identification, verification, Kaggle submissions."""
