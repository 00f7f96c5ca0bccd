"""The kinds of error that `conference` raises. A Refusal refuses one request, and the client sees its text. A PeerError (of
`media`) ends one connection.

This module does not decide how a refusal looks on a wire. Each protocol keeps one table from `code` to its own numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rooms import errors

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "identity_empty": ("Thiếu định danh người dự họp", "identity cannot be empty"),
    "identity_too_long": ("Định danh quá dài", "identity is too long"),
    "identity_bad": ("Định danh có ký tự không in được", "identity has unprintable characters"),
    "conference_name_bad": ("Tên cuộc họp không hợp lệ", "the conference name is not valid"),
    "conference_not_found": ("Không có cuộc họp này", "requested room does not exist"),
    "conference_full": ("Cuộc họp đã đủ người", "the conference is full"),
    "conference_limit": ("Máy chủ đã đủ số cuộc họp", "the server has reached its maximum number of conferences"),
    "join_denied": ("Không có quyền vào cuộc họp", "permissions denied"),
    "removed": ("Đã được mời ra khỏi cuộc họp", "this participant was removed from the conference"),
    "lobby_waits": (
        "Cuộc họp đang bật phòng chờ. Hãy xin vào lại và chờ chủ trì cho vào",
        "the conference has a lobby: ask to join, and wait for a host",
    ),
    "lobby_full": ("Phòng chờ đã đủ người. Hãy thử lại sau ít phút", "the lobby is full: try again in a few minutes"),
    "lobby_limit": ("Máy chủ đã đủ số phòng chờ", "the server has reached its maximum number of lobbies"),
    "lobby_denied": (
        "Chủ trì chưa cho vào cuộc họp này. Nếu có nhầm lẫn, hãy liên hệ thư ký cuộc họp",
        "the chair did not let you in: if this is a mistake, ask the secretary of the meeting",
    ),
    "lobby_pause": (
        "Nhiều lượt xin vào từ mạng này vừa bị từ chối. Hãy thử lại sau ít phút hoặc liên hệ thư ký cuộc họp",
        "many requests from this network were refused: try again in a few minutes, or ask the secretary of the meeting",
    ),
    "lobby_ended": (
        "Cuộc họp đã kết thúc hoặc mọi người đã rời cuộc họp",
        "the meeting is over, or all participants have left",
    ),
    "knock_unknown": ("Người này không còn chờ", "this user no longer waits in the lobby"),
    "participant_not_found": ("Không có người dự họp này", "participant does not exist"),
    "track_not_found": ("Không có luồng này", "track does not exist"),
    "state_mismatch": ("Phiên này không còn nữa", "the session to resume no longer exists: join again"),
    "publish_denied": ("Không có quyền phát", "does not have permission to publish"),
    "publish_data_denied": ("Không có quyền gửi dữ liệu", "does not have permission to publish data"),
    "metadata_denied": ("Không có quyền sửa thông tin", "does not have permission to update own metadata"),
    "metadata_too_long": ("Thông tin quá dài", "metadata, name or attributes are too long"),
    "metadata_bad": (
        "Thông tin có ký tự không hợp lệ",
        "metadata, name or attributes have a character that is not allowed",
    ),
    "track_limit": ("Đã đủ số luồng", "this participant has reached the maximum number of tracks"),
    "track_kind_bad": ("Loại luồng không hỗ trợ", "unsupported type of track"),
    "microphone_on": ("Micro này đang bật", "this microphone is already on"),
    "microphone_denied": (
        "Người này không được phát tiếng trong cuộc họp",
        "this participant may not speak in this conference",
    ),
    "undo_gone": ("Không hoàn tác được nữa", "this can no longer be undone"),
    "unmute_denied": ("Không được bật tiếng từ xa", "remote unmute not enabled"),
    "handle_bad": ("Số luồng dữ liệu không hợp lệ", "invalid handle"),
    "handle_taken": ("Số luồng dữ liệu đã dùng", "handle is already in use"),
    "handle_unknown": ("Không có luồng dữ liệu này", "data track does not exist"),
    "name_bad": ("Tên luồng dữ liệu không hợp lệ", "invalid name"),
    "name_taken": ("Tên luồng dữ liệu đã dùng", "name is already in use"),
    "hall_ports_taken": ("Máy chủ hết cổng cho điểm cầu", "the server has no free port for another hall"),
    "hall_limit": ("Cuộc họp đã đủ số điểm cầu", "the conference has reached its maximum number of halls"),
    "halls_off": ("Máy chủ này không nối thiết bị hội trường", "this server does not connect hall terminals"),
    "blob_limit": ("Đã đủ dữ liệu lưu", "the stored data of this participant has reached its maximum"),
    "blob_not_found": ("Không có dữ liệu này", "no data is stored under this key"),
    "calls_limit": ("Máy chủ đang chờ quá nhiều lời gọi", "too many calls are waiting for an answer"),
    "call_timeout": ("Người nhận không trả lời", "the participant did not answer in time"),
    "call_too_long": ("Nội dung lời gọi quá dài", "the payload of the call is too long"),
    "not_supported": ("Máy chủ này không làm việc đó", "this server does not support this"),
    "media_busy": ("Máy chủ đang quá tải", "the server is overloaded: try again later"),
    "publish_only": (
        "Không hỗ trợ kết nối chỉ để phát; hãy dùng thẻ không có quyền nhận",
        "publish-only connections are not supported: use a token without canSubscribe",
    ),
    "chat_too_fast": ("Gửi quá nhanh. Hãy chờ vài giây", "too many messages: wait some seconds"),
    "chat_too_long": ("Tin nhắn trống hoặc quá dài", "the message is empty or too long"),
    "line_unknown": ("Không còn tin nhắn được trả lời", "the message that you answer is no longer there"),
    "not_stored": (
        "Cơ sở dữ liệu chưa trả lời nên chưa ghi được việc này. Hãy thử lại sau ít phút",
        "the database does not answer, so this was not stored: try again in a few minutes",
    ),
    "not_allowed": ("Vai trò này không có quyền làm việc đó", "this role may not do this"),
    "host_stays": ("Không mời chủ trì, thư ký ra khỏi cuộc họp được", "a host of the meeting cannot be removed"),
    "chair_code_wrong": ("Mã chủ trì không đúng", "the chair code is wrong"),
    "chair_code_shut": (
        "Cuộc họp này không nhận mã chủ trì từ bàn phím",
        "the keypads of this meeting cannot take the chair",
    ),
    "chair_lent": (
        "Chủ trì chỉ tạm vắng. Chỉ chủ trì hoặc tổ kỹ thuật được giao vai trò",
        "the chair is away for a short time: only the chair or an operator may change roles",
    ),
    "no_chair": ("Cuộc họp chưa có chủ trì", "the meeting has no chair"),
    "role_bad": ("Không giao vai trò này được", "this role cannot be given"),
    "floor_queue_full": ("Danh sách đăng ký phát biểu đã đầy", "the list of requests to speak is full"),
    "floor_full": ("Đã đủ số người phát biểu cùng lúc", "the maximum number of speakers have the floor"),
    "floor_not_asked": ("Người này không đăng ký phát biểu", "this participant has not asked for the floor"),
    "floor_not_given": ("Không có ai đang phát biểu", "this participant does not have the floor"),
    "floor_needed": (
        "Cuộc họp đang theo chế độ lần lượt phát biểu. Hãy đăng ký phát biểu và chờ chủ trì mời",
        "speakers are called one after the other: ask for the floor, and wait for the chair",
    ),
    "budget_limit": ("Đã đủ số đơn vị có thời gian phát biểu", "the maximum number of speaking times is set"),
    "in_lobby": (
        "Đang ở phòng chờ vì cuộc họp họp kín. Hãy chờ chủ trì mời vào lại",
        "a closed session is running: wait in the lobby until the chair lets you in",
    ),
    "in_recess": ("Cuộc họp đang giải lao, micro đang tắt", "the meeting is in recess: microphones are off"),
    "unmute_off": ("Chủ trì đang tắt micro của người dự", "the chair does not let participants unmute themselves"),
    "camera_off": ("Chủ trì đang tắt camera của người dự", "the chair has switched cameras off"),
    "share_off": ("Chủ trì không cho trình chiếu", "the chair has switched presentations off"),
    "chat_off": ("Chủ trì đang tắt trò chuyện", "the chair has switched the chat off"),
    "chair_codes_open": ("Mã chủ trì không bị chặn", "no chair code is blocked"),
    "already_locked": ("Phòng họp đã khóa", "the meeting is locked already"),
    "not_locked": ("Phòng họp chưa khóa", "the meeting is not locked"),
    "conference_locked": (
        "Chủ trì đã khóa phòng họp. Hãy liên hệ thư ký cuộc họp",
        "the chair has locked the meeting: ask the secretary of the meeting",
    ),
    "data_too_long": ("Gói dữ liệu quá lớn", "the data packet is too large"),
}


class Refusal(errors.Refusal):
    """A refusal in a live meeting. A text that the caller does not give is taken from the table by `code`."""

    def __init__(self, code: str, vietnamese: str = "", english: str = "") -> None:
        known = _TEXTS.get(code, ("", ""))
        super().__init__(code, vietnamese or known[0] or code, english or known[1] or code)
