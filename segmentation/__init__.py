"""The U-Net: models, inference, training, evaluation."""
