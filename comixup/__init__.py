"""Co-Mixup on plain arrays: saliency maps and labels in, a mixed batch out."""
