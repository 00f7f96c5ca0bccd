"""The refusals of votes: code, Vietnamese, English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from conference.ground.errors import Refusal

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "vote_unknown": ("Không có nội dung biểu quyết này", "there is no such vote"),
    "vote_state": (
        "Không làm được việc này ở bước hiện tại của biểu quyết",
        "the vote is not in the right state for this",
    ),
    "vote_limit": ("Cuộc họp đã đủ số nội dung biểu quyết", "the meeting has reached its maximum number of votes"),
    "vote_text_bad": ("Tiêu đề, nội dung hoặc lý do trống hay quá dài", "a title, text or reason is empty or too long"),
    "vote_options_bad": (
        "Danh sách bầu cần từ một người trở lên, không trùng tên và không quá dài",
        "an election needs one or more different candidates, and not too many",
    ),
    "vote_seats_bad": ("Số người được bầu không hợp lệ", "the number of seats does not fit the list"),
    "vote_share_bad": ("Tỷ lệ không hợp lệ", "the share is not valid"),
    "vote_election_by_hands": (
        "Bầu cử không giơ tay được. Hãy chọn ghi tên hoặc bỏ phiếu kín",
        "an election is not possible by show of hands: choose by name or secret",
    ),
    "vote_receipts_bad": ("Chỉ phiếu kín có mã phiếu", "only secret ballots have receipts"),
    "vote_phones_bad": (
        "Cuộc họp quan trọng và biểu quyết giơ tay không bầu bằng điện thoại",
        "important meetings and shows of hands have no votes by phone",
    ),
    "vote_site_away": (
        "Điểm cầu này đang không ở trong cuộc họp; hãy đợi hoặc báo thư ký",
        "your site is not in the meeting now: wait, or tell the secretary",
    ),
    "vote_site_other": (
        "Phiếu của điểm cầu này thuộc về thiết bị đang trong cuộc họp. Hãy thêm thiết bị đó",
        "the ballot of this site belongs to its terminal, which is in the meeting: add the terminal",
    ),
    "vote_not_next": (
        "Nội dung khác đứng trước. Hãy đổi thứ tự hoặc hủy nội dung đó",
        "another vote comes first: change the order, or annul the other vote",
    ),
    "vote_open_already": ("Đang có một nội dung biểu quyết khác", "another vote is open"),
    "vote_order_bad": ("Thứ tự phải gồm đủ các nội dung đã chuẩn bị", "the order must name each prepared vote once"),
    "vote_entitled_bad": ("Danh sách người biểu quyết không hợp lệ", "the list of entitled voters is not valid"),
    "vote_secret_few": (
        "Bỏ phiếu kín cần ít nhất 5 người có quyền biểu quyết",
        "a secret vote needs at least 5 entitled people",
    ),
    "vote_cards_many": (
        "Nhiều đại biểu hơn số phiếu của một lần biểu quyết. Hãy biểu quyết giơ tay",
        "there are more delegates than ballots in one vote: vote by show of hands",
    ),
    "vote_code_wrong": (
        "Mã phiếu không đúng, hoặc biểu quyết đã kết thúc",
        "the code is wrong, or the vote has ended",
    ),
    "vote_cards_used": (
        "Điểm cầu đã nhận hết phiếu của các đại biểu có mặt. Hãy báo thư ký",
        "all cards of the delegates present at this site are taken: tell the secretary",
    ),
    "vote_card_kept": (
        "Mã này thuộc cùng lần biểu quyết: máy này đã có phiếu",
        "this code is of the same vote: this phone has a card already",
    ),
    "vote_cards_withdrawn": (
        "Điểm cầu đã thu lại các phiếu chưa bỏ và có mã mới. Hãy quét mã QR mới trên màn hình điểm cầu",
        "the site has taken back the cards without a ballot: scan the new QR code on its screen",
    ),
    "vote_cards_none": ("Điểm cầu này không có phiếu cho điện thoại", "this site has no cards for phones"),
    "vote_withdrawals_many": (
        "Phiếu của điểm cầu này đã được thu lại quá nhiều lần. Hãy hủy lần biểu quyết này rồi biểu quyết lại",
        "the cards of this site were taken back too often: annul the vote and vote again",
    ),
    "vote_begun": ("Đã có phiếu đầu tiên, không thêm người được nữa", "the first ballot was cast: nobody can be added"),
    "vote_not_entitled": ("Không có quyền biểu quyết nội dung này", "not entitled to vote on this"),
    "vote_cast_already": ("Đã bỏ phiếu", "this person has already voted"),
    "vote_choice_bad": ("Lựa chọn không hợp lệ", "the choice is not valid"),
    "vote_by_hands": ("Nội dung này biểu quyết giơ tay", "this vote is by show of hands"),
    "vote_not_by_hands": ("Nội dung này không biểu quyết giơ tay", "this vote is not by show of hands"),
    "vote_hands_many": (
        "Số giơ tay nhiều hơn số đại biểu đã điểm danh",
        "there are more hands than delegates at the roll call",
    ),
}


def refusal(code: str) -> Refusal:
    """Return the refusal with its texts. An unknown code is our bug: KeyError."""
    return Refusal(code, *TEXTS[code])
