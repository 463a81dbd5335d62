"""All contenders, ours first."""

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.flagsmith import flagsmith
from benchmarks.contenders.growthbook import growthbook
from benchmarks.contenders.json_logic import json_logic
from benchmarks.contenders.ours import index, plain_loop
from benchmarks.contenders.unleash import unleash

INDEX = Contender("Profile Matcher", index)
PLAIN_LOOP = Contender("plain loop", plain_loop)
GROWTHBOOK = Contender("GrowthBook", growthbook)
OTHERS = (
    GROWTHBOOK,
    Contender("yggdrasil-engine", unleash),
    Contender("flagsmith-flag-engine", flagsmith),
    Contender("json-logic-qubit", json_logic),
)
CONTENDERS = (INDEX, PLAIN_LOOP, *OTHERS)
