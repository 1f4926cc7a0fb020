// Says why nothing happens where the page's own scripts cannot be loaded. A classic script, which runs also
// where modules do not.

if (location.protocol === "file:") {
  document.getElementById("message").textContent =
    "A browser does not run this page from a file. Serve its folder over http, for example with " +
    "`trunk serve` or `python3 -m http.server`, and open that address.";
  document.getElementById("progress").hidden = true;
}
