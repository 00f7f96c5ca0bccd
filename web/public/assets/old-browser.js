// Runs only in a browser that has no modules. It shows a text instead of an empty page.
(function () {
  var text = document.createElement('p');
  text.className = 'plain-words';
  text.appendChild(document.createTextNode(
    'Trình duyệt này quá cũ để họp trực tuyến. Hãy cập nhật Chrome, Cốc Cốc, Edge, Firefox hoặc Safari lên bản mới. / ' +
    'This browser is too old for online meetings. Please update it.'));
  document.getElementById('app').appendChild(text);
})();
