// Lines light up with their partners: what is the same statement of the source (data-of), or the same saved value (data-tape).
(function () {
  "use strict";

  function words(element, name) {
    return (element.dataset[name] || "").split(" ").filter(Boolean);
  }

  function shares(a, b) {
    return a.some(function (one) { return b.indexOf(one) >= 0; });
  }

  function start(root) {
    var said = root.querySelector(".said");
    var hint = said.innerHTML;
    var panes = Array.from(root.querySelectorAll(".pane"));
    var kept = null;  // the element that stays lit, until another is chosen
    var members = [];

    function collect() {
      members = Array.from(root.querySelectorAll(".line, .node, tr[data-of]"));
      panes.forEach(function (pane) {
        var lines = linesOf(pane);
        lines.forEach(function (line) { line.tabIndex = -1; });
        if (lines.length) lines[0].tabIndex = 0;
      });
    }

    function linesOf(pane) {
      return Array.from(pane.querySelectorAll(".line")).filter(function (line) { return line.offsetParent !== null; });
    }

    function keep(element) {
      if (kept) kept.classList.remove("kept");
      kept = element;
      if (kept) kept.classList.add("kept");
    }

    function paneOf(element) { return element.closest(".pane"); }

    function clear() {
      members.forEach(function (one) { one.classList.remove("lit", "lit-tape", "here"); });
      said.innerHTML = hint;
    }

    function light(element, follow) {
      clear();
      var of = words(element, "of"), tape = words(element, "tape");
      members.forEach(function (one) {
        if (one === element) one.classList.add("here");
        else if (shares(of, words(one, "of"))) one.classList.add("lit");
        else if (shares(tape, words(one, "tape"))) one.classList.add("lit-tape");
      });
      tell(element);
      if (follow) panes.forEach(function (pane) { if (pane !== paneOf(element)) reveal(pane); });
    }

    function tell(element) {
      var title = element.querySelector("title");
      var note = element.dataset.note || (title ? title.textContent : "");
      if (!note && !element.dataset.of) return;
      said.textContent = "";
      note.split("\n").forEach(function (text, at) {
        var paragraph = document.createElement("p");
        if (at === 0 && element.dataset.n) {
          var code = document.createElement("code");
          code.textContent = (paneOf(element).classList.contains("source") ? "L" : "line ") + element.dataset.n + "  ";
          paragraph.appendChild(code);
        }
        paragraph.appendChild(document.createTextNode(text));
        said.appendChild(paragraph);
      });
      if (element.dataset.of) {
        partnersOf(element).slice(0, 12).forEach(function (line) {
          var button = document.createElement("button");
          button.type = "button";
          button.textContent = line.dataset.n + " " + codeOf(line);
          button.addEventListener("click", function () { focus(line); });
          said.appendChild(button);
        });
      }
    }

    // the lines of the other text, or of both where the element is in neither; those that assign an adjoint first
    function partnersOf(element) {
      var found = members.filter(function (one) {
        return one.classList.contains("lit") && one.classList.contains("line") && paneOf(one) !== paneOf(element)
          && one.offsetParent !== null && !one.classList.contains("around");
      });
      function reverses(one) { return one.classList.contains("adjoint"); }
      return found.filter(reverses).concat(found.filter(function (one) { return !reverses(one); }));
    }

    function codeOf(line) {
      return Array.from(line.childNodes).filter(function (one) { return one.nodeName !== "SMALL"; })
        .map(function (one) { return one.textContent; }).join("").trim();
    }

    // The first partner comes into view, unless one is; those that assign an adjoint before others. Only the box around
    // the text moves, never the page.
    function reveal(pane, wanted) {
      var box = pane.querySelector(".scroll");
      var lit = linesOf(pane).filter(function (one) { return one.classList.contains(wanted || "lit"); });
      var adjoints = lit.filter(function (one) { return one.classList.contains("adjoint"); });
      if (adjoints.length) lit = adjoints;
      var frame = box.getBoundingClientRect();
      var seen = lit.some(function (one) {
        var at = one.getBoundingClientRect();
        return at.top >= frame.top && at.bottom <= frame.bottom;
      });
      if (lit.length && !seen) {
        box.scrollTop += lit[0].getBoundingClientRect().top - frame.top - frame.height / 3;
      }
    }

    function focus(line) {
      linesOf(paneOf(line)).forEach(function (one) { one.tabIndex = one === line ? 0 : -1; });
      line.focus({ preventScroll: true });
      var box = line.closest(".scroll").getBoundingClientRect(), at = line.getBoundingClientRect();
      if (at.top < box.top || at.bottom > box.bottom) line.scrollIntoView({ block: "nearest" });
    }

    function partner(line) {
      var other = panes[1 - panes.indexOf(paneOf(line))];
      var found = linesOf(other).filter(function (one) { return one.classList.contains("lit"); });
      return found.find(function (one) { return one.tabIndex === 0; }) || found[0] || null;
    }

    // the next line of the gradient for the same statement, and after the last the first
    function next(line) {
      var lines = linesOf(paneOf(line)), at = lines.indexOf(line);
      return lines.slice(at + 1).concat(lines.slice(0, at)).find(function (one) { return one.classList.contains("lit"); });
    }

    root.addEventListener("mouseover", function (event) {
      var element = event.target.closest(".line, .node, tr[data-of]");
      if (element && !kept && (element.dataset.of || element.dataset.tape)) light(element, true);
    });
    root.addEventListener("mouseleave", function () { if (!kept) clear(); });
    root.addEventListener("focusin", function (event) {
      var element = event.target.closest(".line, .node");
      if (element) { keep(null); light(element, true); }
    });
    root.addEventListener("click", function (event) {
      var element = event.target.closest(".line, .node, tr[data-of]");
      if (!element || String(window.getSelection())) return;
      keep(null);
      light(element, true);
      keep(element);
    });
    document.addEventListener("keydown", function (event) {
      if (event.key !== "Escape") return;
      keep(null);
      clear();
      if (root.contains(document.activeElement)) document.activeElement.blur();
    });
    root.addEventListener("keydown", function (event) {
      var line = event.target.closest(".line");
      if (!line || event.ctrlKey || event.altKey || event.metaKey) return;
      var lines = linesOf(paneOf(line)), at = lines.indexOf(line), to = null;
      if (event.key === "ArrowDown") to = lines[at + 1];
      else if (event.key === "ArrowUp") to = lines[at - 1];
      else if (event.key === "Home") to = lines[0];
      else if (event.key === "End") to = lines[lines.length - 1];
      else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        var right = paneOf(line) === panes[1];
        to = right && event.key === "ArrowRight" ? next(line) : right === (event.key === "ArrowLeft") ? partner(line) : null;
      } else if (event.key === "Enter" || event.key === " ") keep(line);
      else return;
      event.preventDefault();
      if (to) focus(to);
    });

    // what is kept lit is followed through the passes
    slide(root, panes[1], function () {
      collect();
      if (kept && root.contains(kept) && kept.getClientRects().length) light(kept, true);
      else {
        keep(null);
        clear();
        reveal(panes[1], "fresh");
      }
    });
    collect();
    root.dataset.ready = "yes";
  }

  // What the compiler had after each pass stands where the gradient is, which has a place among the passes.
  function slide(root, pane, changed) {
    var data = root.querySelector("script.stages");
    var given = data ? JSON.parse(data.textContent) : { stages: [] };
    if (!given.stages.length) return;
    var box = pane.querySelector(".scroll"), printed = box.querySelector(".code");
    var stage = document.createElement("pre");
    stage.className = "code";
    stage.hidden = true;
    box.appendChild(stage);
    var bar = root.querySelector(".passes"), input = bar.querySelector("input"), output = bar.querySelector("output");
    bar.hidden = false;
    input.max = given.stages.length;
    input.value = given.at;

    function show() {
      var at = Number(input.value), final = at === given.at;
      var one = given.stages[at < given.at ? at : at - 1];
      printed.style.display = final ? "" : "none";
      stage.style.display = final ? "none" : "";
      stage.hidden = final;
      stage.textContent = "";
      var words = "the gradient as it is printed";
      if (!final) {
        one.rows.forEach(function (number, position) {
          var line = given.lines[number], shown = document.createElement("span");
          shown.className = "line" + (one.fresh.indexOf(position) >= 0 ? " fresh" : "");
          shown.dataset.n = position + 1;
          if (line[1]) shown.dataset.of = line[1];
          if (line[2]) shown.dataset.note = line[2];
          shown.style.setProperty("--i", line[3]);
          shown.innerHTML = line[0] + "\n";
          stage.appendChild(shown);
        });
        words = "after " + one.name.replace(/_/g, " ") + " (" + one.form + "): " + one.fresh.length + " lines new, "
          + one.gone + " gone";
      }
      output.textContent = (at + 1) + " of " + (given.stages.length + 1) + ": " + words;
      input.setAttribute("aria-valuetext", words);
      changed();
    }

    function step(by) {
      input.value = Number(input.value) + by;
      show();
    }

    input.addEventListener("input", show);
    bar.querySelector(".back").addEventListener("click", function () { step(-1); });
    bar.querySelector(".on").addEventListener("click", function () { step(1); });
    document.addEventListener("keydown", function (event) {
      if (event.key === "[" || event.key === "]") step(event.key === "[" ? -1 : 1);
    });
    show();
  }

  Array.from(document.querySelectorAll(".srcad-view:not([data-ready])")).forEach(function (root) {
    if (root.querySelector(".pane")) start(root);
  });
})();
