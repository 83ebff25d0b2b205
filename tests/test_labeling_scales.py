"""Numbers of all sizes, infinity and ties: what is claimed holds in exact rational arithmetic."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from exact_energy import Exact, arguments
from hypothesis import given

from subopt import CertificateError, LabelingEnergy, Status, minimize
from subopt.labeling import _alpha_beta_swap, _alpha_expansion, _fusion, _ishikawa, _qpbo

CAN_SOLVE = {
    "ishikawa": _ishikawa.can_solve,
    "qpbo": _qpbo.can_solve,
    "alpha_expansion": _alpha_expansion.can_solve,
    "alpha_beta_swap": _alpha_beta_swap.can_solve,
    "fusion": _fusion.can_solve,
}
METHODS = ("ishikawa", "qpbo", "alpha_expansion", "alpha_beta_swap", "fusion", "icm", "dual_bound")


def require_truth(energy, exact, result, least, minimizers):
    """No claim of an answer is more than exact arithmetic says."""
    x = tuple(result.labels.ravel().tolist())
    own = exact.value(x)
    assert result.value == energy.value(result.labels)
    assert result.value == (math.inf if own is None else float(own))
    if least is None:
        assert own is None
        assert result.status is not Status.OPTIMAL or result.lower_bound == math.inf
        return
    assert result.lower_bound <= float(least)
    if result.status is Status.OPTIMAL:
        assert own is not None
        rounding = min(exact.apart(x, y) for y in minimizers) / 2**44
        assert own - least <= rounding
    if result.certificate is not None:
        gap = result.check(energy)
        assert own is None or Fraction(gap) >= own - least
        for y in minimizers[:1]:
            assert result.certificate.check(energy, np.array(y).reshape(energy.shape)) >= 0.0
        claim = math.nextafter(float(least), math.inf)
        with pytest.raises(CertificateError):
            replace(result.certificate, lower_bound=claim).check(energy, result)


@given(arguments=arguments())
def test_claims_hold_exactly(arguments):
    energy = LabelingEnergy(**arguments)
    exact = Exact(energy)
    least, minimizers = exact.minimum()
    results = [minimize(energy, lower_bound=True)]
    for method in METHODS:
        fits = CAN_SOLVE.get(method)
        if fits is None or fits(energy) is None:
            results.append(minimize(energy, method=method, lower_bound=True))
        else:
            with pytest.raises(ValueError, match="does not fit"):
                minimize(energy, method=method)
    for result in results:
        require_truth(energy, exact, result, least, minimizers)
    # "auto" is no worse than what it could have returned
    auto = results[0]
    if auto.method == "ishikawa" and least is not None:
        x = tuple(auto.labels.ravel().tolist())
        own = exact.value(x)
        assert own is not None
        assert own - least <= min(exact.apart(x, y) for y in minimizers) / 2**40
