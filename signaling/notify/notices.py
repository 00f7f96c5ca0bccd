"""The texts of each mail: subject, text and HTML, first Vietnamese and then English. The module is pure.

No notice contains a PIN or a password, so no mail shows one beside a link (letter 5180 point 4; a test scans every notice).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Final

from rooms.meetings.invitations import Outgoing

Line = tuple[str, str]
"""(label, text)"""
Button = tuple[str, str]
"""(words, address)"""


@dataclass(frozen=True)
class Notice:
    """The texts of a mail. `identifier`: equal for equal mails, so that a reader recognises a mail that arrives twice."""

    subject: str
    text: str
    html: str
    identifier: str


@dataclass(frozen=True)
class Words:
    """The texts of a notice in one language."""

    opening: str
    lines: list[Line]
    buttons: list[Button]
    closing: str


def notice(mail: Outgoing) -> Notice:
    """Return the texts for one mail."""
    subject, vietnamese, english = _WRITERS[mail.kind](mail)
    about = (mail.kind, mail.meeting_id, mail.to.email, str(mail.sequence), str(mail.lead_min), mail.was, mail.reason)
    seed = "|".join((*about, *mail.times, *([mail.rehearsal] if mail.kind == "rehearsal" else [])))
    identifier = hashlib.sha256(seed.encode()).hexdigest()[:40]
    return Notice(subject, _text(vietnamese, english), _html(subject, vietnamese, english), identifier)


def trial(name: str) -> Notice:
    """Return the test mail by which an operator checks the settings."""
    words = Words(
        f"Đây là thư thử từ Điểm Cầu ({name}). Nếu đọc được đủ dấu tiếng Việt thì cấu hình thư đã đúng.",
        [("Kiểm tra dấu", "Ắ ằ ẵ ẫ ễ ỗ ữ ợ ỹ đ Đ")],
        [],
        "Không cần trả lời thư này.",
    )
    english = Words("This is a test mail from Điểm Cầu. The settings of mail work.", [], [], "")
    identifier = hashlib.sha256(name.encode()).hexdigest()[:40]
    subject = "Thư thử từ Điểm Cầu / test mail"
    return Notice(subject, _text(words, english), _html(subject, words, english), identifier)


def _facts(mail: Outgoing) -> list[Line]:
    return [
        ("Cuộc họp", mail.title),
        ("Đơn vị chủ trì", mail.host),
        ("Chủ trì", mail.chair),
        ("Thời gian", "; ".join(mail.times)),
        ("Mã cuộc họp", mail.number),
        ("Tổng duyệt", mail.rehearsal),
        ("Điểm cầu chính", "; ".join(mail.places)),
        ("Nội dung", mail.description),
    ]


def _briefly(mail: Outgoing) -> list[Line]:
    """Return the facts without places and content."""
    return _facts(mail)[:5]


def _facts_en(mail: Outgoing) -> list[Line]:
    return [
        ("Meeting", mail.title),
        ("Host", mail.host),
        ("Time (UTC+7)", "; ".join(mail.times_en)),
        ("Meeting number", mail.number),
    ]


def _ways(mail: Outgoing, enter: str) -> list[Button]:
    """Return the buttons of an attendee. `enter`: the words of the personal link if it opens the meeting."""
    check = ("Kiểm tra thiết bị", mail.check if mail.joins else "")
    return [(enter if mail.joins else "Trả lời lời mời", mail.link), ("Trang cuộc họp", mail.page), check]


def _only_halls(mail: Outgoing) -> str:
    if not mail.important:
        return ""
    return "Đây là cuộc họp quan trọng: chỉ dự tại hội trường có thiết bị đã đăng ký, không dự qua trình duyệt hay điện thoại."


def _invite(mail: Outgoing) -> tuple[str, Words, Words]:
    what = "Thay đổi" if mail.again else "Mời họp"
    opening = (
        f"Cuộc họp đã thay đổi; lời mời này thay cho lời mời trước. Kính mời: {mail.label}."
        if mail.again
        else f"{mail.host} trân trọng kính mời: {mail.label}."
    )
    head = "Nếu thủ trưởng không dự được, người dự thay phải được chủ trì đồng ý." if mail.must_be_head else ""
    closing = " ".join(
        filter(None, (_only_halls(mail), head, "Liên kết trên dành riêng cho người nhận, không chuyển tiếp."))
    )
    english = Words(
        "The meeting has changed; this replaces the earlier invitation."
        if mail.again
        else "You are invited to a meeting.",
        _facts_en(mail),
        [("Answer and join" if mail.joins else "Answer", mail.link)],
        "Important meeting: join only from registered halls." if mail.important else "",
    )
    subject = f"[{what}] {mail.title} - {mail.starts}"
    return subject, Words(opening, _facts(mail), _ways(mail, "Trả lời và vào họp"), closing), english


def _nudge(mail: Outgoing) -> tuple[str, Words, Words]:
    """Ask an attendee for the answer that is still missing."""
    opening = f"{mail.host} chưa nhận được trả lời của {mail.label} cho lời mời họp sau đây. Đề nghị trả lời sớm."
    words = Words(opening, _facts(mail)[:6], _ways(mail, "Trả lời và vào họp"), _only_halls(mail))
    said = "Your answer to this invitation is still missing."
    english = Words(said, _facts_en(mail), [("Answer", mail.link)], "")
    return f"[Đề nghị trả lời] {mail.title} - {mail.starts}", words, english


def _cancel(mail: Outgoing) -> tuple[str, Words, Words]:
    lines = [*_briefly(mail), ("Lý do", mail.reason)]
    words = Words("Cuộc họp sau đây đã bị hủy.", lines, [("Trang cuộc họp", mail.page)], "")
    return f"[Hủy họp] {mail.title}", words, Words("This meeting is cancelled.", _facts_en(mail), [], "")


def _date(mail: Outgoing) -> tuple[str, Words, Words]:
    """Write that one date of a series has another time or place."""
    facts = dict(_facts(mail))
    lines = [
        ("Cuộc họp", mail.title),
        ("Đơn vị chủ trì", mail.host),
        ("Chủ trì", mail.chair),
        ("Buổi họp", mail.times[0]),
        ("Theo lịch định kỳ", mail.was),
        ("Mã cuộc họp", mail.number),
        ("Điểm cầu chính", facts["Điểm cầu chính"]),
        ("Lý do", mail.reason),
    ]
    opening = f"Một buổi của cuộc họp định kỳ có thay đổi; các buổi khác giữ nguyên. Kính báo: {mail.label}."
    words = Words(opening, lines, _ways(mail, "Trả lời và vào họp"), _only_halls(mail))
    english = Words("One date of this series has changed; the other dates stay the same.", _facts_en(mail), [], "")
    return f"[Thay đổi một buổi] {mail.title} - {mail.starts}", words, english


def _date_off(mail: Outgoing) -> tuple[str, Words, Words]:
    """Write that one date of a series does not take place."""
    what = "được hoãn đến khi có thông báo mới" if mail.postponed else "bị hủy"
    lines = [
        ("Cuộc họp", mail.title),
        ("Đơn vị chủ trì", mail.host),
        ("Buổi họp", mail.times[0]),
        ("Lý do", mail.reason),
    ]
    opening = f"Buổi họp sau đây của cuộc họp định kỳ {what}; các buổi khác giữ nguyên."
    words = Words(opening, lines, [("Trang cuộc họp", mail.page)], "")
    done = "postponed until further notice" if mail.postponed else "cancelled"
    english = Words(f"One date of this series is {done}; the other dates stay the same.", _facts_en(mail), [], "")
    return f"[{'Hoãn' if mail.postponed else 'Hủy'} một buổi] {mail.title} - {mail.starts}", words, english


def _rehearsal(mail: Outgoing) -> tuple[str, Words, Words]:
    """Write to an invited unit that only the rehearsal has changed."""
    off = "hoãn, chưa có giờ mới" if mail.postponed else "không tổ chức"
    lines = [*_facts(mail)[:5], ("Tổng duyệt", mail.rehearsal or off), ("Lý do", mail.reason)]
    opening = f"Buổi tổng duyệt của cuộc họp sau đây có thay đổi; cuộc họp giữ nguyên. Kính báo: {mail.label}."
    words = Words(opening, lines, [("Trang cuộc họp", mail.page)], "")
    english = Words("The rehearsal of this meeting has changed; the meeting stays the same.", _facts_en(mail), [], "")
    return f"[Thay đổi tổng duyệt] {mail.title} - {mail.starts}", words, english


def _displaced(mail: Outgoing) -> tuple[str, Words, Words]:
    """Write to the desk of a date that gave way to another meeting."""
    lines = [
        ("Cuộc họp", mail.title),
        ("Đơn vị chủ trì", mail.host),
        ("Thời gian cũ", mail.was),
        ("Thời gian mới", mail.times[0] + (" (chờ duyệt)" if mail.waits else "")),
        ("Lý do", mail.reason),
    ]
    closing = "Nếu thời gian mới không phù hợp, hãy mở trang cuộc họp để chọn thời gian khác."
    opening = "Cuộc họp sau đây phải nhường lịch cho cuộc họp có thứ tự ưu tiên cao hơn."
    words = Words(opening, lines, [("Trang cuộc họp", mail.page)], closing)
    waits = " The new time must be approved." if mail.waits else ""
    english = Words(
        f"This meeting gave its time to a meeting with a higher precedence.{waits}", _facts_en(mail), [], ""
    )
    return f"[Nhường lịch] {mail.title} - {mail.was}", words, english


def _still_off(mail: Outgoing) -> tuple[str, Words, Words]:
    """Write to the desk of a date that is put off: its new time was not approved."""
    lines = [
        ("Cuộc họp", mail.title),
        ("Đơn vị chủ trì", mail.host),
        ("Thời gian cũ", mail.was),
        ("Lý do", mail.reason),
    ]
    opening = "Thời gian mới của buổi họp sau đây không được duyệt. Buổi họp vẫn hoãn, chưa có thời gian mới."
    words = Words(opening, lines, [("Trang cuộc họp", mail.page)], "Hãy mở trang cuộc họp để đề nghị thời gian khác.")
    said = "The new time of this date was not approved. The date is still postponed and has no new time."
    return f"[Vẫn hoãn] {mail.title} - {mail.was}", words, Words(said, _facts_en(mail), [], "")


def _removed(mail: Outgoing) -> tuple[str, Words, Words]:
    words = Words("Thành phần dự họp đã thay đổi; kính báo không cần dự cuộc họp sau đây.", _briefly(mail), [], "")
    return (
        f"[Không cần dự] {mail.title}",
        words,
        Words("You do not need to attend this meeting.", _facts_en(mail), [], ""),
    )


def _reminder(mail: Outgoing) -> tuple[str, Words, Words]:
    soon = "trong 1 giờ nữa" if mail.lead_min <= 60 else "vào ngày mai"
    lines = _facts(mail)[:6]
    words = Words(f"Nhắc lịch: cuộc họp bắt đầu {soon}.", lines, _ways(mail, "Vào họp"), _only_halls(mail))
    english = Words(
        "A reminder of this meeting.", _facts_en(mail), [("Join" if mail.joins else "Answer", mail.link)], ""
    )
    return f"[Nhắc họp] {mail.title} - {mail.starts}", words, english


def _approval(mail: Outgoing) -> tuple[str, Words, Words]:
    lines = [*_facts(mail), ("Thành phần", mail.invited), ("Trùng lịch", "; ".join(mail.clashes) or "không có")]
    lines.append(("Hạn duyệt", mail.deadline))
    buttons = [("Xem và duyệt", mail.actions["approve"]), ("Xem và từ chối", mail.actions["refuse"])]
    words = Words(
        "Có đề nghị họp đang chờ duyệt.",
        lines,
        buttons,
        "Các nút trên chỉ mở trang xem; việc duyệt được ghi nhận sau khi đăng nhập và xác nhận.",
    )
    english = Words("A meeting is waiting for your approval.", _facts_en(mail), [("Open", mail.actions["approve"])], "")
    return f"[Chờ duyệt] {mail.title}", words, english


def _substitute(mail: Outgoing) -> tuple[str, Words, Words]:
    lines = [
        ("Cuộc họp", mail.title),
        ("Thời gian", "; ".join(mail.times)),
        ("Thành phần", mail.label),
        ("Đề nghị người dự thay", mail.substitute),
        ("Lý do", mail.reason),
    ]
    words = Words("Có đề nghị cử người dự thay, cần ý kiến của chủ trì.", lines, [("Cho ý kiến", mail.page)], "")
    english = Words("A substitute needs the consent of the chair.", _facts_en(mail), [("Decide", mail.page)], "")
    return f"[Xin dự thay] {mail.label} - {mail.title}", words, english


def _decided(mail: Outgoing) -> tuple[str, Words, Words]:
    said = "đồng ý" if mail.agreed else "không đồng ý"
    lines = [*_briefly(mail), ("Người dự thay", mail.substitute)]
    closing = "" if mail.agreed else "Đề nghị thủ trưởng dự họp, hoặc trả lời lại theo liên kết trên."
    words = Words(f"Chủ trì {said} việc cử người dự thay.", lines, [("Xem trả lời", mail.link)], closing)
    english = Words(f"The chair {'agrees' if mail.agreed else 'does not agree'} to the substitute.", [], [], "")
    return f"[Dự thay: {said}] {mail.title}", words, english


_WRITERS: Final[dict[str, Callable[[Outgoing], tuple[str, Words, Words]]]] = {
    "invite": _invite,
    "nudge": _nudge,
    "cancel": _cancel,
    "date": _date,
    "date_off": _date_off,
    "displaced": _displaced,
    "still_off": _still_off,
    "removed": _removed,
    "rehearsal": _rehearsal,
    "reminder": _reminder,
    "approval": _approval,
    "substitute": _substitute,
    "substitute_decided": _decided,
}


def _text(vietnamese: Words, english: Words) -> str:
    return _plain(vietnamese) + "\n-- English --\n\n" + _plain(english)


def _plain(words: Words) -> str:
    parts = [words.opening, ""]
    parts += [f"{label}: {text}" for label, text in words.lines if text]
    parts += ["", *(f"{label}: {address}" for label, address in words.buttons if address)]
    if words.closing:
        parts += ["", words.closing]
    return "\n".join(parts).rstrip() + "\n"


def _html(subject: str, vietnamese: Words, english: Words) -> str:
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(subject)}</title></head>"
        '<body style="margin:0;padding:24px;background:#f4f5f7;color:#1c1f24;font:16px/1.5 Arial,sans-serif">'
        '<div style="max-width:640px;margin:0 auto;background:#fff;border:1px solid #dfe2e7;border-radius:8px;padding:24px">'
        f'{_block(vietnamese)}<div lang="en" style="margin-top:24px;padding-top:16px;border-top:1px solid #dfe2e7;'
        f'font-size:14px;color:#4a4f57">{_block(english)}</div></div></body></html>'
    )


def _block(words: Words) -> str:
    rows = "".join(
        f'<tr><td style="padding:4px 16px 4px 0;color:#4a4f57;vertical-align:top;white-space:nowrap">{escape(label)}</td>'
        f'<td style="padding:4px 0;vertical-align:top">{escape(text)}</td></tr>'
        for label, text in words.lines
        if text
    )
    buttons = "".join(_button(place, *one) for place, one in enumerate(words.buttons) if one[1])
    closing = f'<p style="margin:16px 0 0">{escape(words.closing)}</p>' if words.closing else ""
    table = f'<table role="presentation" style="border-collapse:collapse;margin:12px 0">{rows}</table>' if rows else ""
    return f'<p style="margin:0 0 8px">{escape(words.opening)}</p>{table}{buttons}{closing}'


def _button(place: int, label: str, address: str) -> str:
    shape = "background:#0b5cad;color:#fff" if place == 0 else "background:#fff;color:#0b5cad"
    return (
        f'<a href="{escape(address, quote=True)}" style="display:inline-block;margin:4px 8px 4px 0;padding:12px 20px;'
        f'border:1px solid #0b5cad;border-radius:6px;text-decoration:none;font-weight:bold;{shape}">{escape(label)}</a>'
    )
