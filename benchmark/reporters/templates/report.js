// Search and filter of the samples. The page is complete without it.
(() => {
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const search = document.getElementById("search");
  const filter = document.getElementById("filter");
  const found = document.getElementById("found");
  const samples = [...document.querySelectorAll(".sample")];
  let texts = null; // folded once, on the first search

  function update() {
    const words = fold(search.value).split(/\s+/).filter(Boolean);
    if (words.length && !texts) texts = samples.map((sample) => fold(sample.textContent));
    let shown = 0;
    samples.forEach((sample, place) => {
      const flagged = !filter.value || sample.dataset.flags.split(" ").includes(filter.value);
      sample.hidden = !flagged || !words.every((word) => texts[place].includes(word));
      shown += !sample.hidden;
    });
    found.textContent = `${shown} of ${samples.length} shown`;
  }

  search.addEventListener("input", update);
  filter.addEventListener("change", update);
  search.form.addEventListener("submit", (event) => event.preventDefault());
  document.documentElement.classList.add("js"); // shows the tools that need it
  update();
})();
