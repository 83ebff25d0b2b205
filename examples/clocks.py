"""What a training costs: the CPU time of the mixer, and of a plain step in the same minute."""

import time

from comixup.torch import undisturbed


class MixerClock:
    """CPU seconds, of all threads, that a mixer has pooled, planned and mixed since `take`."""

    def __init__(self, mix):
        self._seconds = 0.0
        planning = mix.planning
        mix.planning = lambda *given, **options: self._around(
            self._around(planning)(*given, **options)
        )
        # in training, a mixer that learns blends by itself, and only its policy is timed
        for name in ("ranges",) if mix.learns else ("finish", "labels"):
            setattr(mix, name, self._around(getattr(mix, name)))

    def _around(self, function):
        def timed(*given, **options):
            begin = time.process_time()
            try:
                return function(*given, **options)
            finally:
                self._seconds += time.process_time() - begin

        return timed

    def take(self):
        """Return the seconds, and begin again."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


def plain_step(model, images, work):
    """Return the CPU seconds of a pass forward and back, of which nothing stays.

    A unit of cost: CPU seconds depend on what else the machine does, ratios to this depend less.
    `work` gets the images and returns the loss.
    """
    with undisturbed(model, images.device):
        model.train()
        begin = time.process_time()
        work(images).backward()
        return time.process_time() - begin
