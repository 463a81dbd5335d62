"""POST /campaigns/validate: what is wrong with campaigns before they are written."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from campaign_publisher.api.responses import body_of, json_answer, list_of, schema_of
from campaign_publisher.campaigns.limits import MAX_IMPORT_BYTES
from campaign_publisher.campaigns.lint import Code
from campaign_publisher.campaigns.validating import Findings
from campaign_publisher.dependencies import READER, Now, Service, Validations
from contracts.campaign import Campaign
from foundation.bodies import read_body
from foundation.error_answers import ProblemAnswer, error_answers
from foundation.errors import Invalid
from foundation.validation import parse_json

MAX_CAMPAIGNS = 100_000  # of one request; a snapshot has room for fewer

router = APIRouter(prefix="/campaigns", tags=["campaigns"])


class WarningAnswer(ProblemAnswer):
    """One thing that is probably a mistake, of a kind that programs can tell."""

    code: Code


class CampaignAnswer(BaseModel):
    """What was found in one campaign; `index` is its place in the list, 0 for a single one."""

    index: int
    name: str | None
    errors: list[ProblemAnswer]
    warnings: list[WarningAnswer]


class ValidationAnswer(BaseModel):
    """Whether all campaigns could be written, and what was found in those with a finding.

    `campaigns`, `errors` and `warnings` count all of them; the first 100 errors and the first
    100 warnings are named.
    """

    valid: bool
    campaigns: int
    errors: int
    warnings: int
    results: list[CampaignAnswer]


@router.post(
    "/validate",
    dependencies=[READER],
    summary="Check campaigns, and store nothing",
    description="The body is a campaign or a list of campaigns. They are checked as a PUT would, "
    "their segments included, and looked at for what is probably a mistake, beside each other and "
    "the stored campaigns. The answer is 200 for right and wrong campaigns alike: `valid` says "
    "which. It names the first 100 errors and the first 100 warnings, and counts all.",
    responses={
        200: {"model": ValidationAnswer},
        **error_answers(400, 401, 408, 413, 415, 422, 503),
    },
    openapi_extra=body_of({"anyOf": [schema_of(Campaign), list_of(Campaign)]}),
)
async def validate_campaigns(
    request: Request, service: Service, clock: Now, validations: Validations
) -> Response:
    with validations.one():
        body = await read_body(request, limit=MAX_IMPORT_BYTES, what="campaigns to validate")
        values = parse_json(body)
        if isinstance(values, dict):
            values = [values]
        elif not isinstance(values, list):
            raise Invalid.at(msg="must be a campaign or a JSON array of campaigns")
        if len(values) > MAX_CAMPAIGNS:
            raise Invalid.at(msg=f"must have at most {MAX_CAMPAIGNS:,} campaigns")
        found = await service.validate(values, clock.now())
        return json_answer(_answer(found).model_dump_json().encode())


def _answer(found: Findings) -> ValidationAnswer:
    return ValidationAnswer(
        valid=not found.errors,
        campaigns=found.campaigns,
        errors=found.errors,
        warnings=found.warnings,
        results=[
            CampaignAnswer(
                index=checked.index,
                name=checked.name,
                errors=[ProblemAnswer(**problem) for problem in checked.errors],
                warnings=[
                    WarningAnswer(code=warned.code, loc=[*warned.loc], msg=warned.msg)
                    for warned in checked.warnings
                ],
            )
            for checked in found.results
        ],
    )
