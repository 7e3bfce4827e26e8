"""The pages somebody who is signed in as an administrator can open; the first collection is there."""

PAGES = (
    "/",
    "/upload",
    "/share",
    "/library",
    "/library/1",
    "/trash",
    "/account",
    "/quality",
    "/admin/models",
    "/admin/jobs",
    "/admin/compare",
    "/admin/users",
    "/admin/workers",
)
