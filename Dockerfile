# One image for each service: targets `campaigns` and `profiles`.

FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM python:3.13-slim AS packages
COPY --from=uv /uv /usr/local/bin/uv
# The services import from a read-only file system: what can be compiled is compiled here.
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
COPY requirements.lock .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv /opt/venv \
    && uv pip install --python /opt/venv --require-hashes --requirements requirements.lock

FROM python:3.13-slim AS service
# A number, so that Kubernetes can check `runAsNonRoot`. The folder is for the last-good file;
# a new volume takes its owner from here.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin service \
    && install --directory --owner=service /var/lib/profile-matcher
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv/profile-matcher
COPY contracts contracts
COPY foundation foundation
COPY campaign_publisher campaign_publisher
COPY profile_service profile_service
COPY command_line command_line
COPY devstack devstack
USER 10001

FROM service AS campaigns
EXPOSE 54325
CMD ["uvicorn", "--factory", "campaign_publisher.main:create_app", "--host", "0.0.0.0", "--port", "54325", \
  "--no-access-log", "--timeout-graceful-shutdown", "8"]

FROM service AS profiles
EXPOSE 54326
CMD ["uvicorn", "--factory", "profile_service.main:create_app", "--host", "0.0.0.0", "--port", "54326", \
  "--no-access-log", "--timeout-graceful-shutdown", "8"]
