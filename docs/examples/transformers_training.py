"""Hugging Face Trainer: mix in `compute_loss`, so that evaluation sees images as they are."""

import tempfile

import torch
from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification

from comixup.torch import CoMixup

CLASSES = 3


class MixTrainer(Trainer):
    """A Trainer that mixes training batches on their device."""

    def __init__(self, *args, mix, **options):
        super().__init__(*args, **options)
        self.mix = mix

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        images, labels = inputs["pixel_values"], inputs["labels"]
        if model.training:
            images, labels = self.mix(images, labels)
        outputs = model(pixel_values=images)
        # the Trainer says over how many samples of accumulated batches the mean is taken
        total = torch.nn.functional.cross_entropy(outputs.logits, labels, reduction="sum")
        loss = total / (len(labels) if num_items_in_batch is None else num_items_in_batch)
        return (loss, outputs) if return_outputs else loss


def load(n):
    """Return noise in which the color of the class is brighter, as the Trainer takes it."""
    labels = torch.arange(n) % CLASSES
    images = torch.rand(n, 3, 16, 16)
    images[torch.arange(n), labels] += 0.6
    return [{"pixel_values": x, "labels": int(y)} for x, y in zip(images, labels, strict=True)]


def accuracy(prediction):
    """Return the share of images whose class has the largest logit."""
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def main():
    torch.manual_seed(0)
    config = ViTConfig(
        image_size=16, patch_size=4, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, num_labels=CLASSES,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        options = TrainingArguments(
            folder, num_train_epochs=10, per_device_train_batch_size=40, learning_rate=5e-3,
            use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        trainer = MixTrainer(
            ViTForImageClassification(config), options, train_dataset=load(240),
            eval_dataset=load(90), compute_metrics=accuracy,
            mix=CoMixup(num_classes=CLASSES, seed=0),
        )  # fmt: skip
        trainer.train()
        error = 1 - trainer.evaluate()["eval_accuracy"]
    if error > 0.2:
        raise SystemExit(f"nothing was learned: error {error:.3f}")
    print(f"error {error:.3f}, found by the Trainer of transformers")


if __name__ == "__main__":
    main()
