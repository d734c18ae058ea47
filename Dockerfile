# The grader for official grading on macOS and Windows, and wherever nothing is to be installed.
# docs/container.md has the commands. The image holds the engine only: the course, with its hidden
# checks and its secret, and the submissions are mounted when it runs.
FROM python:3.11-slim

# PyTorch, for exercises that need it: TORCH="torch==2.13.0" and, in TORCH_ARGS, pip's arguments
# that choose a CPU build.
ARG TORCH=""
ARG TORCH_ARGS=""

# Nothing is written beside the sources of the course, and a home exists for whoever runs this.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/tmp

WORKDIR /engine
COPY pyproject.toml README.md LICENSE LICENSE-CONTENT ./
COPY autograder ./autograder
RUN if [ -n "$TORCH" ]; then \
        python -m pip install --no-cache-dir $TORCH_ARGS "$TORCH" \
        && python -m pip install --no-cache-dir ".[torch]"; \
    else \
        python -m pip install --no-cache-dir .; \
    fi

# Root, so that student code can be given a user of its own where the kernel has no Landlock;
# student code itself never runs as root. With Landlock, `docker run --user` works as well.
WORKDIR /course
ENTRYPOINT ["autograder"]
CMD ["doctor"]
