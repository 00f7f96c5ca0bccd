"""The built-in DOCX template, made by code: Decree 30/2020/NĐ-CP appendix I in Times New Roman, with docxtpl fields."""

from __future__ import annotations

import io
from typing import Any

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

FONT = "Times New Roman"
LEFT, CENTRE, BOTH = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.JUSTIFY
LINES = (
    ("Chương trình:", "agenda"),
    ("Các buổi tiếp theo:", "times"),
    ("Địa điểm:", "places"),
    ("Tài liệu:", "papers"),
    ("Nội dung thay đổi:", "changes"),
    ("Yêu cầu:", "requirements"),
)


def build() -> bytes:
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = Mm(20)
    section.left_margin, section.right_margin = Mm(30), Mm(15)
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = FONT, Pt(14)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    normal.paragraph_format.space_after = Pt(0)
    _head(document)
    _title(document)
    _body(document)
    _foot(document)
    _annex(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _head(document: Any) -> None:
    table = _columns(document, Mm(68), Mm(97))
    left, right = table.rows[0].cells
    _write(left.paragraphs[0], "{%p if agency_above %}")
    _write(left.add_paragraph(), "{{ agency_above }}", 13, CENTRE)
    _write(left.add_paragraph(), "{%p endif %}")
    _write(left.add_paragraph(), "{%p for line in agency %}")
    _write(left.add_paragraph(), "{{ line }}", 13, CENTRE, bold=True)
    _write(left.add_paragraph(), "{%p endfor %}")
    _rule(left.add_paragraph(), 20)
    _write(right.paragraphs[0], "{%p for line in nation %}")
    _write(right.add_paragraph(), "{{ line }}", 12, CENTRE, bold=True)
    _write(right.add_paragraph(), "{%p endfor %}")
    _rule(right.add_paragraph(), 24)
    below = table.add_row().cells
    _write(below[0].paragraphs[0], "{{ number_line }}", 13, CENTRE)
    _write(below[1].paragraphs[0], "{{ place_date }}", 13, CENTRE, italic=True)


def _title(document: Any) -> None:
    _write(document.add_paragraph(), "{{ title }}", 15, CENTRE, bold=True, before=14)
    _write(document.add_paragraph(), "{{ subject }}", 14, CENTRE, bold=True)
    _write(document.add_paragraph(), "{%p if replaces %}")
    _write(document.add_paragraph(), "({{ replaces }})", 13, CENTRE, italic=True)
    _write(document.add_paragraph(), "{%p endif %}")
    _rule(document.add_paragraph(), 62)


def _body(document: Any) -> None:
    _write(document.add_paragraph(), "{{ opening }}", 14, BOTH, indent=True, before=6)
    _write(document.add_paragraph(), "{%p for one in recipients %}")
    _write(document.add_paragraph(), "- {{ one }}{% if loop.last %}.{% else %};{% endif %}", 14, LEFT, left=10)
    _write(document.add_paragraph(), "{%p endfor %}")
    _field(document, "Lý do:", "reason", "")
    _field(document, "{% if title == 'GIẤY MỜI' %}Tới dự:{% else %}Cuộc họp:{% endif %}", "name")
    _field(document, "Nội dung:", "content", "")
    _list(document, *LINES[0])
    _field(document, "Hình thức:", "form")
    _field(document, "Chủ trì:", "chair")
    _field(document, "Thời gian:", "time")
    for label, name in LINES[1:]:
        if name == "papers":
            _online(document)
        _list(document, label, name)
    _write(document.add_paragraph(), "{{ closing }}", 14, BOTH, indent=True, before=6)


def _online(document: Any) -> None:
    """Write how to join by browser. The PIN is only in letters to one recipient."""
    _write(document.add_paragraph(), "{%p if join_number %}")
    line = "Dự qua trình duyệt: mở {{ join_address }}, nhập mã cuộc họp {{ join_number }} và mã PIN do thư ký cuộc họp gửi riêng"
    check = "{% if test_address %}; kiểm tra thiết bị trước tại {{ test_address }}{% endif %}."
    _write(document.add_paragraph(), line + check, 14, BOTH, indent=True)
    _write(document.add_paragraph(), "{%p endif %}")


def _foot(document: Any) -> None:
    _write(document.add_paragraph(), "", 8)
    left, right = _columns(document, Mm(76), Mm(89)).rows[0].cells
    _write(left.paragraphs[0], "Nơi nhận:", 12, LEFT, bold=True, italic=True)
    _write(left.add_paragraph(), "{%p for one in copies %}")
    _write(left.add_paragraph(), "- {{ one }}{% if loop.last %}.{% else %};{% endif %}", 11, LEFT)
    _write(left.add_paragraph(), "{%p endfor %}")
    _write(left.add_paragraph(), "{%p if qr %}")
    _write(left.add_paragraph(), "{{ qr }}", 11, LEFT, before=8)
    way = "{% if join_number %}vào họp{% else %}cuộc họp (cần đăng nhập hoặc liên kết riêng){% endif %}"
    _write(left.add_paragraph(), f"Quét mã để mở trang {way}.", 9, LEFT)
    _write(left.add_paragraph(), "{%p endif %}")
    _write(right.paragraphs[0], "{%p for line in signing %}")
    _write(right.add_paragraph(), "{{ line }}", 14, CENTRE, bold=True)
    _write(right.add_paragraph(), "{%p endfor %}")
    for _ in range(4):
        _write(right.add_paragraph(), "", 14, CENTRE)
    _write(right.add_paragraph(), "{{ signer_name }}", 14, CENTRE, bold=True)


def _annex(document: Any) -> None:
    _write(document.add_paragraph(), "{%p if sites %}")
    _write(document.add_paragraph(), "DANH SÁCH ĐIỂM CẦU", 14, CENTRE, bold=True, page=True)
    _write(document.add_paragraph(), "(Kèm theo {{ title }} {{ number_line }})", 13, CENTRE, italic=True)
    widths = (Mm(12), Mm(50), Mm(52), Mm(51))
    table = document.add_table(rows=4, cols=4)
    table.style = "Table Grid"
    table.autofit = False
    texts = (
        ("STT", "Thành phần", "Điểm cầu", "Địa chỉ"),
        ("{%tr for row in sites %}", "", "", ""),
        ("{{ loop.index }}", "{{ row.unit }}", "{{ row.site }}", "{{ row.address }}"),
        ("{%tr endfor %}", "", "", ""),
    )
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for row, cells in zip(table.rows, texts, strict=True):
        for cell, text, width in zip(row.cells, cells, widths, strict=True):
            cell.width = width
            _write(cell.paragraphs[0], text, 12, LEFT, bold=text == "STT" or row is table.rows[0])
    for cell in table.rows[0].cells:
        cell.paragraphs[0].runs[0].bold = True
    _write(document.add_paragraph(), "{%p endif %}")


def _field(document: Any, label: str, name: str, end: str = ".") -> None:
    _write(document.add_paragraph(), f"{{%p if {name} %}}")
    paragraph = document.add_paragraph()
    _write(paragraph, f"{label} ", 14, BOTH, bold=True, indent=True, before=4)
    _run(paragraph, f"{{{{ {name} }}}}{end}", 14)
    _write(document.add_paragraph(), "{%p endif %}")


def _list(document: Any, label: str, name: str) -> None:
    _write(document.add_paragraph(), f"{{%p if {name} %}}")
    _write(document.add_paragraph(), label, 14, BOTH, bold=True, indent=True, before=4)
    _write(document.add_paragraph(), f"{{%p for one in {name} %}}")
    _write(document.add_paragraph(), "- {{ one }}", 14, BOTH, left=10)
    _write(document.add_paragraph(), "{%p endfor %}")
    _write(document.add_paragraph(), "{%p endif %}")


def _columns(document: Any, *widths: Any) -> Any:
    table = document.add_table(rows=1, cols=len(widths))
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for column, cell, width in zip(table.columns, table.rows[0].cells, widths, strict=True):
        column.width = cell.width = width
    return table


def _write(
    paragraph: Any,
    text: str,
    size: float = 14,
    align: Any = LEFT,
    *,
    bold: bool = False,
    italic: bool = False,
    indent: bool = False,
    left: float = 0,
    before: float = 0,
    page: bool = False,
) -> None:
    shape = paragraph.paragraph_format
    paragraph.alignment = align
    shape.space_before, shape.page_break_before = Pt(before), page
    if indent:
        shape.first_line_indent = Mm(10)
    if left:
        shape.left_indent = Mm(left)
    run = _run(paragraph, text, size)
    run.bold, run.italic = bold, italic


def _run(paragraph: Any, text: str, size: float) -> Any:
    run = paragraph.add_run(text)
    run.font.size = Pt(size)
    run.font.name = FONT
    return run


def _rule(paragraph: Any, side: float) -> None:
    """Draw a line as wide as the paragraph, less `side` millimetres on each side."""
    shape = paragraph.paragraph_format
    shape.left_indent = shape.right_indent = Mm(side)
    shape.space_after = Pt(2)
    paragraph.add_run().font.size = Pt(2)
    border = OxmlElement("w:pBdr")
    top = OxmlElement("w:top")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "000000")):
        top.set(qn(f"w:{name}"), value)
    border.append(top)
    paragraph._p.get_or_add_pPr().append(border)
