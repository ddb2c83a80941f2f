"""GET /v1/checkpoints: what the job `upgrade` may go over to."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from service.http.problems import NOT_READY
from service.http.required_roles import requires
from service.schemas.openapi import problem_responses
from service.serving.service import service_of

router = APIRouter(tags=["jobs"], dependencies=[requires("admin")])


class CheckpointAnswer(BaseModel):
    """One file of the folder of checkpoints."""

    name: str = Field(description="The file's name, as the job `upgrade` takes it.")
    title: str | None = Field(description="What the checkpoint calls itself.")
    fingerprint: str | None = Field(description="SHA-256 of the file; null where it can't be used.")
    size_bytes: int = Field(description="How large the file is; 0 where it can't be used.")
    is_served: bool = Field(description="Whether the service answers with it now.")
    fault: str | None = Field(description="Why the file can't be used.")


class CheckpointsAnswer(BaseModel):
    """The checkpoints that the service can be brought to."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "has_folder": True,
                "checkpoints": [
                    {
                        "name": "right-whale.safetensors",
                        "title": "right-whale",
                        "fingerprint": "5f0c" * 16,
                        "size_bytes": 31_457_280,
                        "is_served": False,
                        "fault": None,
                    }
                ],
            }
        }
    )

    has_folder: bool = Field(
        description="Whether the service was given a folder of checkpoints (`--checkpoints`)."
    )
    checkpoints: list[CheckpointAnswer] = Field(description="By name.")


@router.get(
    "/v1/checkpoints",
    summary="Which checkpoints are there?",
    response_description="Every file of the folder.",
    responses=problem_responses(NOT_READY),
)
async def list_checkpoints(request: Request) -> CheckpointsAnswer:
    """List the checkpoint files that the job `upgrade` may name.

    Files that can't be used are listed too, with the reason.
    """
    service = service_of(request)
    served = service.ready().identifier.embedder.fingerprint
    files = await asyncio.to_thread(service.checkpoints.files)
    return CheckpointsAnswer(
        has_folder=service.settings.checkpoints is not None,
        checkpoints=[
            CheckpointAnswer(**asdict(one), is_served=one.fingerprint == served) for one in files
        ],
    )
