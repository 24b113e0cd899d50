"""A strict double of AWS: moto, plus the documented limits it does not enforce, a meter of units, and faults by plan."""

from tests.double.faults import Fault, Plan
from tests.double.strict import StrictAws, strict_aws

__all__ = ["Fault", "Plan", "StrictAws", "strict_aws"]
