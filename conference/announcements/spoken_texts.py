"""The announcements to halls: the texts in Vietnamese and English, and the paths of their recordings.

Owns the texts and the recordings beside this file. Does not decide when an announcement is played, and does not play it
(`media.mixer`). After a change of the texts, `python -m conference.announcements` records them again. A test fails if this was
forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

Language = Literal["vi", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("vi", "en")
FOLDER: Final = Path(__file__).parent

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "welcome": (
        "Xin chào. Đây là hệ thống hội nghị truyền hình của tỉnh.",
        "Welcome to the video conference system of the province.",
    ),
    "ask_number": (
        "Hãy nhập số cuộc họp, rồi bấm phím thăng.",
        "Please enter the meeting number, followed by the pound key.",
    ),
    "ask_pin": ("Hãy nhập mã pin, rồi bấm phím thăng.", "Please enter the pin, followed by the pound key."),
    "other_language": ("Bấm phím sao để nghe tiếng Việt.", "Press star for English."),
    "wrong": ("Số cuộc họp hoặc mã pin không đúng. Hãy nhập lại.", "The number or the pin is wrong. Please try again."),
    "too_many_tries": (
        "Đã nhập sai ba lần. Cuộc gọi kết thúc. Hãy liên hệ thư ký cuộc họp.",
        "Three wrong entries. The call ends. Please contact the secretary of the meeting.",
    ),
    "lobby": (
        "Đang ở phòng chờ. Chủ trì đã được báo và sẽ mời vào.",
        "You are in the lobby. The chair has been told and will let you in.",
    ),
    "not_started": ("Cuộc họp chưa bắt đầu. Xin chờ trong giây lát.", "The meeting has not begun yet. Please wait."),
    "waiting": (
        "Đã vào cuộc họp. Micro đang tắt. Xin chờ chủ trì khai mạc.",
        "You are in the meeting. Your microphone is off. Please wait for the chair to open the meeting.",
    ),
    "not_yours": ("Chỉ điểm cầu của chủ trì khai mạc được.", "Only the chair's site can open the meeting."),
    "joined": ("Đã vào cuộc họp.", "You are now in the meeting."),
    "joined_muted": (
        "Đã vào cuộc họp. Micro đang tắt. Bấm sao năm để đăng ký phát biểu.",
        "You are now in the meeting. Your microphone is off. Press star five to ask for the floor.",
    ),
    "denied": ("Chủ trì không mời vào cuộc họp này.", "The chair did not let you in."),
    "forbidden": (
        "Cuộc họp quan trọng chỉ dự được từ thiết bị hội trường đã đăng ký.",
        "An important meeting can be joined from registered hall terminals only.",
    ),
    "full": (
        "Hệ thống đã hết chỗ. Hãy gọi lại sau ít phút.",
        "The system is full. Please call again in a few minutes.",
    ),
    "unknown_address": (
        "Không có số hoặc tên này. Hãy kiểm tra rồi gọi lại.",
        "There is no such number or name. Please check, then call again.",
    ),
    "muted": ("Đã tắt micro.", "Your microphone is off."),
    "unmuted": ("Đã bật micro.", "Your microphone is on."),
    "unmute_denied": ("Chủ trì đã tắt micro của điểm cầu.", "The chair has muted your site."),
    "camera_off": ("Chủ trì đã tắt hình của điểm cầu.", "The chair has switched off the picture of your site."),
    "share_off": ("Chủ trì không cho trình chiếu.", "The chair does not allow presentations."),
    "share_stopped": ("Chủ trì đã dừng trình chiếu của điểm cầu.", "The chair has stopped your presentation."),
    "unmute_asked": (
        "Chủ trì mời điểm cầu bật micro. Bấm sao sáu.",
        "The chair asks you to switch your microphone on. Press star six.",
    ),
    "floor_asked": ("Đã đăng ký phát biểu.", "You have asked for the floor."),
    "floor_withdrawn": ("Đã hủy đăng ký phát biểu.", "Your request for the floor is withdrawn."),
    "floor_given": ("Mời điểm cầu phát biểu.", "You have the floor."),
    "floor_needed": (
        "Cuộc họp đang lần lượt phát biểu. Bấm sao năm để đăng ký.",
        "Speakers are called one after the other. Press star five to ask for the floor.",
    ),
    "floor_queue_full": ("Danh sách đăng ký phát biểu đã đầy.", "The list of requests for the floor is full."),
    "turn_ended": ("Đã kết thúc lượt phát biểu. Xin cảm ơn.", "Your turn has ended. Thank you."),
    "time_ends_in_1": ("Còn một phút phát biểu.", "One minute of speaking time is left."),
    "time_over": ("Đã hết giờ phát biểu. Xin kết luận.", "Your speaking time is over. Please conclude."),
    "ask_chair_code": (
        "Hãy nhập mã chủ trì, rồi bấm phím thăng.",
        "Please enter the chair code, followed by the pound key.",
    ),
    "chair_taken": ("Điểm cầu này chủ trì cuộc họp.", "Your site now chairs the meeting."),
    "chair_code_wrong": ("Mã chủ trì không đúng.", "The chair code is wrong."),
    "chair_code_shut": (
        "Không nhận mã chủ trì. Hãy liên hệ thư ký cuộc họp.",
        "No chair code is accepted. Please contact the secretary of the meeting.",
    ),
    "layout": ("Đã đổi bố cục hình.", "The layout has changed."),
    "help": (
        "Sao sáu: tắt hoặc bật micro. Sao năm: đăng ký phát biểu. Sao bốn: đổi bố cục hình. Sao hai: báo số đại biểu. "
        "Sao bảy: nhận quyền chủ trì. Sao không: gọi người điều hành.",
        "Star six: microphone off or on. Star five: ask for the floor. Star four: change the layout. "
        "Star two: report your delegates. Star seven: take the chair. Star zero: call the operator.",
    ),
    "vote_keys": (
        "Mời biểu quyết. Sao một một: tán thành. Sao một hai: không tán thành. Sao một ba: không có ý kiến.",
        "Please vote. Star one one: for. Star one two: against. Star one three: abstain.",
    ),
    "vote_none": ("Hiện không có nội dung biểu quyết.", "There is nothing to vote on at the moment."),
    "vote_recorded": ("Đã ghi nhận.", "Your vote has been recorded."),
    "vote_for": ("Đã ghi nhận: tán thành.", "Recorded: for."),
    "vote_against": ("Đã ghi nhận: không tán thành.", "Recorded: against."),
    "vote_abstain": ("Đã ghi nhận: không có ý kiến.", "Recorded: abstain."),
    "vote_already": ("Điểm cầu đã bỏ phiếu.", "Your site has already voted."),
    "vote_not_yours": (
        "Điểm cầu không có tên trong danh sách biểu quyết.",
        "Your site is not on the list of voters.",
    ),
    "vote_hands": (
        "Nội dung này biểu quyết bằng giơ tay. Thư ký ghi số đại biểu.",
        "This vote is by show of hands. The secretary enters the numbers.",
    ),
    "vote_by_page": ("Hãy bầu trên trang của cuộc họp.", "Please vote on the page of the meeting."),
    "vote_failed": ("Chưa ghi nhận được. Xin bấm lại.", "Your vote was not recorded. Please try again."),
    "ask_delegates": (
        "Hãy nhập số đại biểu, rồi bấm phím thăng.",
        "Please enter the number of delegates, followed by the pound key.",
    ),
    "delegates_recorded": ("Đã ghi nhận số đại biểu:", "Delegates recorded:"),
    "delegates_wrong": ("Số đại biểu không đúng. Xin nhập lại.", "This number cannot be used. Please try again."),
    "delegates_none": (
        "Điểm cầu không có trong danh sách điểm danh.",
        "Your site is not on the list of the roll call.",
    ),
    "delegates_over": (
        "Đã điểm danh xong. Hãy báo thư ký để sửa.",
        "The roll call is over. Please ask the secretary.",
    ),
    "delegates_failed": (
        "Chưa ghi được số đại biểu. Xin nhập lại.",
        "Your delegates were not recorded. Please try again.",
    ),
    **{
        f"digit_{digit}": words
        for digit, words in enumerate(
            (
                ("không", "zero"),
                ("một", "one"),
                ("hai", "two"),
                ("ba", "three"),
                ("bốn", "four"),
                ("năm", "five"),
                ("sáu", "six"),
                ("bảy", "seven"),
                ("tám", "eight"),
                ("chín", "nine"),
            )
        )
    },
    "operator": ("Đã báo người điều hành.", "The operator has been called."),
    "operator_key": (
        "Để gọi người điều hành, bấm không rồi phím thăng.",
        "To call the operator, press zero, then pound.",
    ),
    "operator_seen": (
        "Người điều hành đã nhận yêu cầu. Xin chờ.",
        "The operator has seen your request. Please wait.",
    ),
    "operator_absent": (
        "Người điều hành chưa trả lời. Xin gọi lại sau.",
        "The operator does not answer. Please call again later.",
    ),
    "ended_by_operator": ("Người điều hành đã kết thúc cuộc gọi.", "The operator has ended the call."),
    "ends_in_10": ("Cuộc họp còn mười phút.", "The meeting ends in ten minutes."),
    "ends_in_5": ("Cuộc họp còn năm phút.", "The meeting ends in five minutes."),
    "ends_in_1": ("Cuộc họp còn một phút.", "The meeting ends in one minute."),
    "ended": ("Cuộc họp đã kết thúc. Xin cảm ơn.", "The meeting has ended. Thank you."),
    "recess": ("Cuộc họp giải lao. Micro đang tắt.", "The meeting is in recess. Your microphone is off."),
    "recess_over": ("Hết giờ giải lao. Cuộc họp tiếp tục.", "The recess is over. The meeting goes on."),
    "secret_stop": (
        "Cuộc họp dừng theo yêu cầu của chủ trì. Cuộc gọi kết thúc.",
        "The chair has stopped the meeting. The call ends.",
    ),
    "recording": ("Cuộc họp này được ghi lại.", "This meeting is being recorded."),
    "echo": (
        "Phòng thử. Hãy nói và nghe lại tiếng của mình. Bấm phím thăng để kết thúc.",
        "This is the test room. Speak, and hear yourself. Press pound to end.",
    ),
}
"""The texts by code: Vietnamese, English."""


def text(code: str, language: Language) -> str:
    """Return the text. An unknown code is our bug: KeyError."""
    return TEXTS[code][LANGUAGES.index(language)]


def recording(code: str, language: Language) -> Path:
    """Return the path of the recording: Ogg Opus, one channel, 48 kHz. An unknown code is our bug: KeyError."""
    TEXTS[code]
    return FOLDER / f"{code}.{language}.ogg"
