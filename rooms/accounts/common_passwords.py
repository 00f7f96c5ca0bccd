"""Passwords of ten or more characters that attackers try first: from published lists of leaks, and passwords common in offices
here.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
password passw0rd p@ssword p@ssw0rd password1 password12 password123 password1234 password12345 password123456
1234567890 12345678910 123456789012 1234567891 0123456789 0987654321 9876543210 1122334455 112233445566 1234512345
1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qaz@wsx3edc zaq12wsxcde3 q1w2e3r4t5 q1w2e3r4t5y6 qwerty1234 qwerty12345 qwerty123456
qwertyuiop qwertyuiop12 qwertyuiop123 asdfghjkl asdfghjkl1 asdfghjkl123 zxcvbnm123 zxcvbnm12345 qazwsxedc qazwsxedcrfv
abc123456789 abcd123456 abcd1234567 abcd12345678 abcdef123456 aa123456789 a123456789 a1234567890 123456789a 123456789abc
123456789q 1234567890q iloveyou iloveyou123 iloveyou1234 sunshine123 princess123 football123 baseball123 superman123
welcome welcome1234 welcome12345 letmein12345 changeme changeme123 changeme1234 administrator administrator1 admin admin123456
admin1234567 admin12345678 admin@123456 admin@12345 administrator123 root123456 rootroot1234 test123456 testtest1234 demo123456
default12345 secret123456 supersecret master123456 computer123 internet123 windows12345 microsoft123 samsung12345 google123456
facebook123 zalo123456 facebook1234 dragon123456 monkey123456 michael12345 jordan123456 liverpool123 manchester chelsea12345
barcelona123 realmadrid123 correcthorsebatterystaple trustno1trustno1
matkhau mậtkhẩu matkhau123 matkhau1234 matkhau12345 matkhau123456 matkhaumoi matkhaumacdinh matkhau@123 khongbiet123
khongcomatkhau khongnhomatkhau quenmatkhau vietnam vietnam123 vietnam1234 vietnam12345 vietnam123456 vietnam1975 vietnam2025
vietnamvodich vietnammuonnam hanoi123456 hanoi1000nam saigon123456 hochiminh123 tphcm123456 danang123456 haiphong1234
tayninh tayninh123 tayninh1234 tayninh12345 tayninh123456 tayninh2025 tayninh@2025 longan longan123456 longan2025 longan@2025
uybannhandan ubnd123456 ubndtinh123 ubndtinh2025 vanphong123 vanphong1234 vanphonguybannhandan chinhphu123 congchuc123
quantri quantri123 quantri1234 quantri123456 hethong123 hoinghi hoinghi123 hoinghi123456 hoinghitruyenhinh hophoihang diemcau
diemcau123 diemcau1234 diemcau123456 diemcau2025 diemcau@123 thuky123456 vanthu123456 lanhdao123456 chutich123456 truongphong
emyeuanh anhyeuem anhyeuem123 anhyeuemnhieu emyeuanh123 yeuemnhieu iloveyou3000 conyeume conyeubo giadinh123 hanhphuc123
toiyeuvietnam toiyeuem123 motconvitxoera motconvit motconvitxoerahaicaicanh trongdamgidepbangsen khongconoidau namoadidaphat
namquocsonhanamdecu khongcogiquyhondoclaptudo
"""
COMMON: Final = frozenset(_WORDS.split())
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "0123456789",
    "1234567890",
    "9876543210",
    "0987654321",
)
RUNS: Final = tuple(row * 26 for row in _ROWS)
"""The repeated keyboard rows. A password that is a part of one of these texts is refused."""
