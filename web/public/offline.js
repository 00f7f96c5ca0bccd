// Loads the wanted page again, with its whole address, by a press and when the browser has a network again.
(function () {
  function again() {
    location.reload();
  }
  document.getElementById('again').addEventListener('click', again);
  addEventListener('online', again);
})();
