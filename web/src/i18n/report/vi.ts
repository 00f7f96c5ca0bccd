/** Texts of the report of delegates, on the page of a link and in a call. `en.ts` has the English texts with the same keys. */
export const reportVi = {
  'report.title': 'Báo đại biểu của điểm cầu',
  'report.number': 'Số đại biểu có mặt',
  'report.head': 'Trưởng đoàn',
  'report.headHint': 'Chức danh và họ tên. Tên này hiện dưới hình khi điểm cầu phát biểu.',
  'report.deputies': 'Cấp phó cùng dự',
  'report.deputiesHint': 'Mỗi người một dòng, nhiều nhất {most} người.',
  'report.wrongNumber': 'Nhập một số từ 0 đến {most}.',
  'report.manyDeputies': 'Nhiều nhất {most} người.',
  'report.send': 'Gửi thư ký',
  'report.sendAgain': 'Gửi lại',
  'report.sent': 'Đã gửi: {n} đại biểu.',
  'report.change': 'Sửa',
  'report.own': 'Báo đại biểu',
  'report.none': 'Điểm cầu này chưa báo số đại biểu.',
  'report.said': 'Đã báo: {n} đại biểu',
  'report.closed': 'Đóng',
  'report.ask': 'Sắp điểm danh: điểm cầu này có bao nhiêu đại biểu?',
  'report.later': 'Để sau',
  'report.byNumber': 'Bấm số đại biểu có mặt, rồi bấm OK',
  'report.byPhone': 'Quét mã để nhập tên trưởng đoàn trên điện thoại',
  'report.damaged': 'Đường dẫn thiếu phần cuối. Hãy quét lại mã QR hoặc mở lại đường dẫn đã nhận.',
  'report.until': 'Đường dẫn chỉ dùng cho điểm cầu này, trong cuộc họp này.',
} as const;

export type ReportKey = keyof typeof reportVi;
