"""Schemathesis asks the API what its document allows, and what it does not.

`make fuzz-api` asks 5,000 times on each database; `make test` some hundred times.
"""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from kb_site.api import document
from kb_site.graph.shapes import registry
from kb_site.handler import site as application

CASES = int(os.environ.get("FUZZ_CASES", "360"))
SEED = int(os.environ.get("FUZZ_SEED", "20261123"))

schema = schemathesis.openapi.from_dict(document.build())
schema.app = application
schema.config.base_url = "http://localhost"
OPERATIONS = {found.ok().label: found.ok() for found in schema.get_all_operations()}


def real(path):
    """References of real records for a path that names one, and None: what was made up."""
    plural = path.split("/")[3]
    shapes = [shape for shape in registry.values() if shape.plural == plural]
    references = [r for s in shapes for r in s.published().values_list("reference", flat=True)[:20]]
    return st.sampled_from([None, *references])


@pytest.mark.django_db
@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("label", OPERATIONS)
def test_the_api_keeps_to_its_document_whatever_is_asked(label):
    operation = OPERATIONS[label]
    wanted = max(1, round(CASES / len(OPERATIONS)))
    modes = [GenerationMode.POSITIVE]
    if list(operation.iter_parameters()):
        modes.append(GenerationMode.NEGATIVE)
    asked = []

    def ask(case, reference):
        # In place of a made-up name, a real one; what is not allowed stays as it was made.
        if reference and case.meta.generation.mode.is_positive:
            case.path_parameters = case.path_parameters and case.path_parameters | {
                "reference": reference
            }
        asked.append(case)
        # Schemathesis reads no compressed answer of an application it calls itself.
        response = case.call(headers={"Accept-Encoding": "identity"})
        case.validate_response(response)
        assert response.headers["access-control-allow-origin"] == ["*"]

    for mode in modes:
        cases = operation.as_strategy(generation_mode=mode)
        run = given(case=cases, reference=real(operation.path))(ask)
        settings(
            max_examples=max(1, wanted // len(modes)),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )(seed(SEED)(run))()
    assert asked
    print(f"{len(asked)} cases")
