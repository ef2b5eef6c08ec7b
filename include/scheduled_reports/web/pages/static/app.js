// Sends what the user does to the API as JSON. The server renders everything that a page shows.
"use strict";

const root = document.body.dataset.root;

// --- light or dark, as chosen in Airflow, also when the choice changes

function theme() {
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* without storage, the system's setting applies */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}
theme();
addEventListener("storage", theme);

// --- times in the viewer's time zone

function format(moment, zone) {
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }).formatToParts(moment).map(one => [one.type, one.value]));
  return `${parts.weekday} ${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute}`;
}

function showTimes(within) {
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const one of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(one.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const here = `${format(moment)} ${mine}`;
    let there = "";
    try { there = one.dataset.zone && one.dataset.zone !== mine ? `\n${format(moment, one.dataset.zone)} ${one.dataset.zone}` : ""; } catch { /* a time zone that this browser does not know */ }
    if (there && there.slice(1, 21) === here.slice(0, 20)) there = "";
    one.title = here + there;
    // Beside the time in the report's time zone: the viewer's time, or the time until then if both are the same.
    if ("local" in one.dataset) { if (there) one.textContent = here; }
    else if (!one.dataset.shown) { one.dataset.shown = "1"; one.textContent = `${one.textContent}, ${format(moment)}`; }
  }
}

// --- the API

async function call(method, path, body) {
  const options = { method, headers: { "content-type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  let answer;
  try { answer = await fetch(root + path, options); } catch { return { ok: false, status: 0, content: { error: "Airflow cannot be reached. Try again." } }; }
  const text = await answer.text();
  let content = {};
  try { content = JSON.parse(text); } catch { content = { error: `The server responded with status ${answer.status}.` }; }
  return { ok: answer.ok, status: answer.status, content };
}

function reports(workspace) { return `/api/workspaces/${encodeURIComponent(workspace)}/reports`; }

function announce(text) {
  const status = document.getElementById("status");
  status.textContent = text;
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => { status.textContent = ""; }, 6000);
}

function errorText(content) {
  const details = Object.entries(content.details || {}).flatMap(([field, texts]) => texts.map(text => `${field}: ${text}`));
  return [content.error, ...details].join("\n");
}

const rows = text => text.split("\n").map(one => one.trim()).filter(Boolean);
const lines = text => text.split(/[\n,;]+/).map(one => one.trim()).filter(Boolean);

// --- links that open in the page around the frame

document.addEventListener("click", event => {
  const link = event.target.closest("a[data-top]");
  if (!link || window.parent === window) return;
  event.preventDefault();
  const copy = window.parent.document.createElement("a");
  copy.href = link.href;
  window.parent.document.body.append(copy);
  copy.click();
  copy.remove();
});

// --- one report

function report() {
  const article = document.querySelector("article[data-report]");
  if (!article) return;
  const base = `${reports(article.dataset.workspace)}/scheduled/${encodeURIComponent(article.dataset.report)}`;

  async function act(button) {
    const { act: action, run } = button.dataset;
    button.disabled = true;
    const path = action === "retry" ? `${base}/runs/${encodeURIComponent(run)}/retry` : `${base}/${action}`;
    const answer = await call("POST", path, {});
    button.disabled = false;
    if (!answer.ok) return announce(errorText(answer.content));
    if (action === "retry") { announce(answer.content.message); await refresh(button.closest(".run")); } else location.reload();
  }

  async function send(form, action, run) {
    const body = {};
    const formats = [...form.querySelectorAll("[name=formats]:checked")].map(one => one.value);
    if (formats.length) body.formats = formats;
    const field = name => form.elements[name]?.value.trim();
    if (action === "return") return call("POST", `${base}/opt-outs/return`, { address: field("address"), reason: field("reason") });
    if (action === "lift") return call("POST", `${reports(article.dataset.workspace)}/suppressions/lift`, { address: field("address"), reason: field("reason") });
    if (action === "revoke") return call("POST", `${base}/runs/${encodeURIComponent(run)}/revoke-links`, {});
    if (field("period")) body.period = field("period");
    if (field("mail")) body.mail = field("mail") === "true";
    if (field("recipients")) body.recipients = lines(field("recipients"));
    if (action === "delete") return call("DELETE", base, {});
    return call("POST", action === "resend" ? `${base}/runs/${encodeURIComponent(run)}/resend` : `${base}/${action}`, body);
  }

  async function openFile({ show, pages, title }) {
    const dialog = document.getElementById("viewer");
    const frame = dialog.querySelector("iframe");
    const sheets = dialog.querySelector(".sheets");
    dialog.querySelector("h2").textContent = title;
    frame.hidden = !show;
    sheets.hidden = !pages;
    sheets.textContent = "Loading…";
    dialog.showModal();
    if (show) { frame.src = show; return; }
    const first = await fetch(`${pages}1`);
    if (!first.ok) { sheets.textContent = errorText(await first.json()); return; }
    const count = Number(first.headers.get("x-pages"));
    sheets.replaceChildren();
    for (let number = 1; number <= count; number += 1) {
      const page = document.createElement("img");
      page.loading = "lazy";
      page.alt = `Page ${number} of ${count}`;
      page.src = `${pages}${number}`;
      sheets.append(page);
    }
  }

  document.addEventListener("click", event => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialog);
      dialog.dataset.run = opener.dataset.run || "";
      dialog.querySelector("form").reset();
      if (opener.dataset.address) {
        dialog.querySelector("[name=address]").value = opener.dataset.address;
        dialog.querySelector("[data-shown=address]").textContent = opener.dataset.address;
      }
      dialog.querySelector("[data-errors]").textContent = "";
      dialog.showModal();
      return;
    }
    const opened = event.target.closest("[data-show], [data-pages]");
    if (opened) { openFile(opened.dataset); return; }
    const actor = event.target.closest("[data-act]");
    if (actor) act(actor);
  });

  for (const form of document.querySelectorAll("dialog form[data-post]")) {
    form.addEventListener("submit", async event => {
      if (event.submitter?.value !== "send") return;
      event.preventDefault();
      const dialog = form.closest("dialog");
      event.submitter.disabled = true;
      const answer = await send(form, form.dataset.post, dialog.dataset.run);
      event.submitter.disabled = false;
      if (!answer.ok) { form.querySelector("[data-errors]").textContent = errorText(answer.content); return; }
      dialog.close();
      if (form.dataset.post === "delete") { location.href = `${root}/`; return; }
      if (form.dataset.post === "return") { location.reload(); return; }
      announce(answer.content.message);
      if (form.dataset.post === "revoke") await refresh(document.querySelector(`.run[data-run="${CSS.escape(dialog.dataset.run)}"]`));
      else await addRun(answer.content.runId);
    });
  }

  async function fragment(address) {
    const answer = await fetch(address);
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".run");
  }

  async function refresh(run) {
    const fresh = await fragment(run.dataset.fragment);
    if (!fresh) return;
    if (!("open" in fresh.dataset)) fresh.open = run.open;
    run.replaceWith(fresh);
    showTimes(fresh);
    if ("open" in fresh.dataset) watch(fresh);
  }

  function watch(run) { setTimeout(() => { if (run.isConnected) refresh(run); }, 2000); }

  async function addRun(runId) {
    const run = await fragment(`${root}/reports/${encodeURIComponent(article.dataset.report)}/runs/${encodeURIComponent(runId)}`);
    if (!run) return location.reload();
    document.querySelector("#runs h2").after(run);
    document.querySelector("#runs > p.soft")?.remove();
    const count = document.querySelector("#runs h2 .soft");
    count.textContent = String(Number(count.textContent.replaceAll(",", "")) + 1);
    showTimes(run);
    watch(run);
  }

  document.addEventListener("toggle", event => {
    if (event.target.matches?.(".run[data-part]") && event.target.open) refresh(event.target);
  }, true);

  for (const run of document.querySelectorAll(".run[data-open]")) watch(run);
}

// --- the form

// What to do about a required field that is empty; the API's message would repeat the empty value.
const REQUIRED = {
  name: "Enter a name (up to 200 characters).",
  cronExpression: "Enter a cron expression, such as 0 9 * * 1 for Mondays at 09:00.",
  timezone: "Enter a time zone, such as Europe/Berlin.",
  exportFormats: "Choose at least one format.",
  createdBy: "Choose an owner.",
  "emailDelivery.recipients": "Enter at least one email address.",
};

const COUNTRY = /^[A-Z]{2}(-[A-Z0-9]{1,3})?$/;
const TIMING = ["cronExpression", "timezone", "calendar", "onClosed", "startsOn", "endsOn"];
const WEEKLY = ["last-week", "week-to-date"];

function edit() {
  const form = document.querySelector(".report-form");
  if (!form) return;
  const field = name => form.elements[name];
  const checked = name => [...form.querySelectorAll(`[name=${name}]:checked`)].map(one => one.value);
  const workspace = () => field("workspace")?.value || form.dataset.workspace;

  function adapt() {
    const chosen = field("reportType").selectedOptions[0];
    const uses = (chosen?.dataset.parameters || "").split(" ");
    document.getElementById("type-description").textContent = [chosen?.dataset.description, chosen?.dataset.roles && `The owner must be ${chosen.dataset.roles} of the workspace.`].filter(Boolean).join(" ");
    const figures = (chosen?.dataset.figures || "").split(" ").filter(Boolean).map(one => `{${one}}`);
    form.querySelector("#placeholders [data-figures]").textContent = figures.length ? `, and the key figures ${figures.join(", ")}` : "";
    for (const one of form.querySelectorAll("#data > [data-parameter]")) one.hidden = !uses.includes(one.dataset.parameter);
    for (const one of form.querySelectorAll("[data-own]")) one.hidden = one.dataset.own !== chosen?.value;
    showLists();
    form.querySelector("[data-when-range]").hidden = field("dateRange").value !== "custom";
    form.querySelector("[data-when-week]").hidden = !WEEKLY.includes(field("dateRange").value);
    form.querySelector("[data-when-email]").hidden = !field("enabled").checked;
    const people = field("createdBy");
    if (!people) return;
    for (const one of people.options) { one.hidden = one.disabled = one.dataset.workspace !== workspace(); }
    if (people.selectedOptions[0]?.disabled !== false) people.value = [...people.options].find(one => !one.disabled)?.value ?? "";
  }

  const isOption = () => "option" in field("dateRange").selectedOptions[0].dataset;

  function period() {
    const type = field("dateRange").value;
    if (type === "custom") return { type, startDate: field("startDate").value, endDate: field("endDate").value };
    return WEEKLY.includes(type) ? { type, weekStart: field("weekStart").value } : { type };
  }

  // The application's own subject has no placeholders.
  const hasPlaceholder = () => /[{}]/.test(field("subject").value);

  // null removes an option.
  function options(wrong) {
    const seconds = field("jitterSeconds");
    const found = {
      period: isOption() ? period() : null, calendar: field("calendar").value.trim() || null, startsOn: field("startsOn").value || null,
      endsOn: field("endsOn").value || null, missedRuns: field("missedRuns").value, jitterSeconds: seconds.value === "" ? null : Number(seconds.value), sendIf: null,
      subject: hasPlaceholder() ? field("subject").value.trim() : null, introduction: field("introduction").value.trim() || null,
      parameters: ownParameters(wrong),
    };
    found.onClosed = found.calendar ? field("onClosed").value : null;
    if (seconds.validity.badInput) wrong["options.jitterSeconds"] = ["Enter a whole number of seconds."];
    if (field("sendIf").value.trim()) {
      try { found.sendIf = JSON.parse(field("sendIf").value); } catch (error) { wrong["options.sendIf"] = [String(error.message)]; }
    }
    return found;
  }

  // The place of a problem: of "options.sendIf.conditions[0]" that of the longest name that the form has.
  function holderOf(name) {
    for (let known = name; known; known = known.slice(0, Math.max(known.lastIndexOf("."), known.lastIndexOf("["), 0))) {
      const found = [...form.querySelectorAll(`[data-field="${CSS.escape(known)}"]`)];  // types may share names of parameters
      if (found.length) return found.find(one => !one.closest("[data-own][hidden]")) ?? found[0];
    }
    return null;
  }

  function parameters(wrong) {
    // A period that is an option goes before the application's, which stays as it was.
    const found = { dateRange: isOption() ? JSON.parse(field("dateRange").dataset.given) : period() };
    if (!found.dateRange.type) delete found.dateRange;
    for (const holder of form.querySelectorAll("#data > [data-parameter]:not([hidden])")) {
      const value = valueOf(holder, wrong);
      if (value !== false && isGiven(value)) found[holder.dataset.parameter] = value;
    }
    return found;
  }

  // The parameters that the report type declares itself; null, which removes the option, if none is set.
  function ownParameters(wrong) {
    const found = {};
    for (const holder of form.querySelectorAll("[data-own]:not([hidden]) > [data-parameter]")) {
      const value = valueOf(holder, wrong);
      if (isGiven(value)) found[holder.dataset.parameter] = value;
    }
    return Object.keys(found).length ? found : null;
  }

  const isGiven = value => value !== null && value?.length !== 0;

  // The value of a parameter's inputs; what is no value of its type goes to the API as it is, which says so.
  function valueOf(holder, wrong) {
    const { kind, field: place } = holder.dataset;
    const inputs = [...holder.querySelectorAll("input, select, textarea")];
    const [input] = inputs;
    const typed = text => typedValue(kind, text, place, wrong);
    if (kind === "boolean" && !("many" in holder.dataset)) return input.checked;
    if (input.type === "checkbox") return inputs.filter(one => one.checked).map(one => one.value);
    if (input.multiple) return [...input.selectedOptions].map(one => one.value);
    if (input.validity.badInput) { wrong[place] = [kind === "date" ? "Enter a day." : "Enter a number."]; return null; }
    if ("many" in holder.dataset) return (place.startsWith("options.") ? rows(input.value) : lines(input.value)).map(typed);
    return input.value.trim() ? typed(input.value.trim()) : null;
  }

  function typedValue(kind, text, place, wrong) {
    if (kind === "object") {
      try { return JSON.parse(text); } catch (error) { wrong[place] = [String(error.message)]; return null; }
    }
    if (kind === "boolean") return { true: true, false: false }[text] ?? text;
    if (kind !== "integer" && kind !== "number") return text;
    const number = Number(text);
    if (Number.isNaN(number)) return text;
    if (kind === "integer" && Math.abs(number) > Number.MAX_SAFE_INTEGER) wrong[place] = ["Enter a number of at most 15 digits."];
    return number;
  }

  // What the queries of the report type list for the workspace; without an answer any value can be entered.
  async function showLists() {
    const place = form.querySelector("[data-own]:not([hidden])");
    const wanted = `${workspace()} ${place?.dataset.own}`;
    if (!place?.querySelector("[data-listed]") || place.dataset.listed === wanted) return;
    place.dataset.listed = wanted;
    const answer = await call("GET", `${reports(workspace())}/parameters/${encodeURIComponent(place.dataset.own)}`);
    if (!answer.ok || place.dataset.listed !== wanted) return;
    for (const holder of place.querySelectorAll("[data-listed][data-parameter]")) {
      const input = holder.querySelector("input, select");
      const listed = answer.content.parameters[holder.dataset.parameter]?.values ?? [];
      const chosen = input.multiple ? [...input.selectedOptions].map(one => one.value) : [];
      const missing = chosen.filter(one => !listed.some(each => each.value === one)).map(value => ({ value, title: `${value} (not listed)` }));
      (input.list ?? input).replaceChildren(...[...listed, ...missing].map(one => new Option(one.title, one.value, false, chosen.includes(one.value))));
    }
  }

  function content(wrong) {
    const body = {
      name: field("name").value, description: field("description").value || null, reportType: field("reportType").value,
      cronExpression: field("cronExpression").value, timezone: field("timezone").value, exportFormats: checked("exportFormats"),
      tags: field("tags").value.split(",").map(one => one.trim()).filter(Boolean), isActive: field("isActive").checked, parameters: parameters(wrong), options: options(wrong),
      emailDelivery: {
        enabled: field("enabled").checked, recipients: lines(field("recipients").value), ccRecipients: lines(field("ccRecipients").value),
        bccRecipients: lines(field("bccRecipients").value), subject: hasPlaceholder() ? null : field("subject").value || null, includeAttachment: field("includeAttachment").checked,
        includeInlinePreview: field("includeInlinePreview").checked, sendOnlyIfData: field("sendOnlyIfData").checked,
      },
    };
    if (field("createdBy")) body.createdBy = field("createdBy").value;
    return body;
  }

  function isEmpty(name) {
    const input = form.querySelector(`[data-field="${CSS.escape(name)}"]`)?.querySelector("input, select, textarea");
    return input?.type === "checkbox" ? !checked(input.name).length : !input?.value.trim();
  }

  function show(answer) {
    const summary = form.querySelector(".problems");
    for (const one of form.querySelectorAll(".wrong")) one.remove();
    for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
    summary.hidden = !answer;
    if (!answer) return;
    summary.replaceChildren();
    const details = Object.entries(answer.details || {});
    const title = document.createElement("strong");
    title.textContent = details.length ? `Please fix ${details.length} ${details.length === 1 ? "field" : "fields"}` : answer.error;
    const list = document.createElement("ul");
    let number = 0;
    for (const [name, texts] of details) {
      const holder = holderOf(name);
      holder?.closest("details")?.setAttribute("open", "");
      const label = (holder?.querySelector("legend, summary") ?? holder?.querySelector("label")?.firstChild ?? holder?.firstChild)?.textContent.trim();
      for (const text of isEmpty(name) && name in REQUIRED ? [REQUIRED[name]] : texts) {
        const item = document.createElement("li");
        item.textContent = `${label || name}: ${text}`;
        list.append(item);
        if (!holder) continue;
        const message = document.createElement("span");
        message.className = "wrong";
        message.id = `wrong-${number++}`;
        message.textContent = text;
        holder.append(message);
        const input = holder.querySelector("input, select, textarea");
        input?.setAttribute("aria-invalid", "true");
        input?.setAttribute("aria-describedby", message.id);
      }
    }
    summary.append(title, list);
    if (answer.stale) {
      const again = document.createElement("a");
      again.href = location.href;
      again.textContent = "Reload the report and discard your changes";
      summary.append(again);
    }
    summary.focus();
  }

  async function showUpcoming() {
    const query = new URLSearchParams({ cron: field("cronExpression").value, timezone: field("timezone").value || "UTC" });
    for (const name of ["startsOn", "endsOn"]) if (field(name).value) query.set(name, field(name).value);
    const calendar = field("calendar").value.trim();
    // The route knows countries and regions; a calendar of the workspace shows in the runs once the report is saved.
    if (COUNTRY.test(calendar)) { query.set("calendar", calendar); query.set("onClosed", field("onClosed").value); }
    const request = showUpcoming.request = {};
    const answer = await call("GET", `/api/next-runs?${query}`);
    if (request !== showUpcoming.request) return;  // a newer request is in progress
    const place = form.querySelector(".next");
    const note = calendar && !COUNTRY.test(calendar) ? " (closed days of the workspace's calendar show once it is saved)" : "";
    place.querySelector(".schedule").textContent = answer.ok ? answer.content.cronDescription + note : errorText({ ...answer.content, error: "" }).trim();
    place.querySelector("ol").replaceChildren(...(answer.content.nextRuns || []).map(one => {
      const item = document.createElement("li");
      item.textContent = `${one.local.slice(0, 16).replace("T", " ")} ${answer.content.timezone}, ${format(new Date(one.at))} your time`;
      return item;
    }));
  }

  form.addEventListener("input", event => {
    adapt();
    if (TIMING.includes(event.target.name)) { clearTimeout(showUpcoming.timer); showUpcoming.timer = setTimeout(showUpcoming, 250); }
  });

  form.addEventListener("submit", async event => {
    event.preventDefault();
    const wrong = {};
    const body = content(wrong);
    if (Object.keys(wrong).length) return show({ error: "Validation failed", details: wrong });
    const id = form.dataset.id;
    if (id) body.updatedAt = form.dataset.updated;
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    const base = `${reports(workspace())}/scheduled`;
    const answer = await (id ? call("PUT", `${base}/${encodeURIComponent(id)}`, body) : call("POST", base, body));
    button.disabled = false;
    if (answer.ok) { location.href = `${root}/reports/${encodeURIComponent(answer.content.id)}`; return; }
    show({ ...answer.content, stale: answer.status === 409 && answer.content.updatedAt });
  });

  for (const opener of form.querySelectorAll("[data-preview]")) opener.addEventListener("click", async event => {
    const wrong = {};
    const format = opener.dataset.preview;
    const body = { ...content(wrong), format };
    event.target.disabled = true;
    const path = form.dataset.id ? `${reports(workspace())}/scheduled/${encodeURIComponent(form.dataset.id)}/preview` : `${reports(workspace())}/preview`;
    const answer = await fetch(root + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    event.target.disabled = false;
    if (!answer.ok) { show(await answer.json()); return; }
    show(null);
    const place = document.querySelector(".preview");
    place.hidden = false;
    const mail = format === "mail" ? await answer.json() : null;
    place.querySelector("[data-mail]").hidden = !mail;
    place.querySelector("[data-mail-from]").textContent = mail?.from ?? "";
    place.querySelector("[data-mail-subject]").textContent = mail?.subject ?? "";
    place.querySelector("iframe").srcdoc = mail ? mail.html : await answer.text();
    place.scrollIntoView({ behavior: "smooth" });
  });

  adapt();
  showUpcoming();
}

// --- the brand of a workspace

const asData = file => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(file);
});

function brand() {
  const form = document.querySelector(".brand-form");
  if (!form) return;
  const choice = document.querySelector("[data-brand-of]");
  choice?.addEventListener("change", () => { location.search = `?workspace=${encodeURIComponent(choice.value)}`; });

  function show(holder, data) {
    const picture = holder.querySelector("img");
    picture.hidden = !data;
    if (data) picture.src = data; else picture.removeAttribute("src");
    holder.querySelector("[data-remove]").hidden = !data;
    holder.dataset.value = data;
    holder.dataset.changed = "1";
  }

  for (const holder of form.querySelectorAll("[data-logo]")) {
    const input = holder.querySelector("input");
    input.addEventListener("change", async () => { if (input.files[0]) show(holder, await asData(input.files[0])); });
    holder.querySelector("[data-remove]").addEventListener("click", () => { input.value = ""; show(holder, ""); });
  }

  form.addEventListener("submit", async event => {
    event.preventDefault();
    const body = Object.fromEntries([...form.querySelectorAll("[data-text]")].map(one => [one.name, one.value.trim() || null]));
    body.colour = form.elements.ownColour.checked ? form.elements.colour.value : null;
    for (const holder of form.querySelectorAll("[data-logo][data-changed]")) body[holder.dataset.logo] = holder.dataset.value || null;
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    const answer = await call("PUT", `${reports(form.dataset.workspace)}/brand`, body);
    button.disabled = false;
    for (const one of form.querySelectorAll(".wrong")) one.remove();
    for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
    const summary = form.querySelector(".problems");
    summary.hidden = answer.ok;
    if (answer.ok) { announce("The brand was saved. Runs that begin from now on have it."); return; }
    summary.textContent = Object.keys(answer.content.details || {}).length ? "Please correct the fields below." : answer.content.error;
    for (const [name, texts] of Object.entries(answer.content.details || {})) {
      const holder = form.querySelector(`[data-field="${CSS.escape(name)}"]`) ?? summary;
      holder.querySelector("input")?.setAttribute("aria-invalid", "true");
      const problem = document.createElement("p");
      problem.className = "problem wrong";
      problem.textContent = texts.join(" ");
      holder.append(problem);
    }
    summary.focus();
  });
}

showTimes(document);
report();
edit();
brand();
