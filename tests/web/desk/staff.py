"""The secretary, the operator and a deputy in the booking form, and the same people on the page, in an edit and in a copy."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.async_api import expect

from tests.web.visiting import Visitor


async def choose_staff(visitor: Visitor) -> None:
    """Choose the secretary, the operator, and a deputy of the operator."""
    await expect(visitor.part("book-operator-deputy")).to_have_count(0)
    await visitor.part("book-secretary-me").click()
    for post, typed in (("operator", "tran"), ("operator-deputy", "le")):
        await visitor.part(f"book-{post}").click()
        await visitor.part(f"book-{post}").fill(typed)
        await visitor.part(f"book-{post}-option").first.click()


async def keeps_staff(visitor: Visitor) -> None:
    """Check that the page, an edit and a copy have the same people."""
    page, staff = visitor.page.url, visitor.part("meeting-staff")
    await expect(staff).to_have_count(2)
    await expect(staff.nth(1)).to_contain_text("Thay khi vắng: ")
    names = [await staff.nth(n).inner_text() for n in (0, 1)]
    meeting = urlsplit(page).path.split("/")[2]
    for query in (f"edit={meeting}", f"copy={meeting}"):
        await visitor.page.goto(f"{page.split('/meetings')[0]}/book?{query}")
        await expect(visitor.part("book-secretary")).to_have_value(names[0])
        await expect(visitor.part("book-operator")).to_have_value(names[1].split("\n")[0])
        await expect(visitor.part("book-operator-deputy")).to_have_value(names[1].split("vắng: ")[1])
    await visitor.page.goto(page)
    await visitor.part("meeting-number").wait_for()
