"""A brand for the tests, with a logo of 40 by 20 pixels."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

from PIL import Image

from include.scheduled_reports.settings.branding import Branding

_PNG = BytesIO()
Image.new("RGB", (40, 20), "#7a1f5c").save(_PNG, "PNG")
LOGO = f"data:image/png;base64,{b64encode(_PNG.getvalue()).decode()}"
_DRAWN = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 20"><rect width="60" height="20" fill="#7a1f5c"/></svg>'
)
SVG = f"data:image/svg+xml;base64,{b64encode(_DRAWN).decode()}"
BRAND = Branding(logo=LOGO, colour="#7a1f5c", footer="Acme Ltd, 1 High Street", name="Acme & Sons")
