"use strict";

// The session of the owner. It is gone when the tab is closed, and no other site can make the browser send it.
const KEY = "door-token";
const AUDIENCES = {
  zone: "your own devices",
  friends: "friends and your own devices",
  anyone: "anyone with the link",
};
// The protocol counts microseconds since 1601.
const EPOCH_MS = 11644473600000;

const at = (id) => document.getElementById(id);

class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function call(method, path, body) {
  const headers = {};
  const token = sessionStorage.getItem(KEY);
  if (token !== null) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let reply;
  try {
    reply = await fetch(path, { method, headers, body: body && JSON.stringify(body), credentials: "omit" });
  } catch {
    throw new Refused(0, "The box does not answer. Is it on, and are you in its network?");
  }
  const text = await reply.text();
  let value = {};
  try {
    value = text ? JSON.parse(text) : {};
  } catch {
    throw new Refused(reply.status, `The box answered something else (status ${reply.status}).`);
  }
  if (!reply.ok) throw new Refused(reply.status, value.msg || `The box answered with status ${reply.status}.`);
  return value;
}

function say(text, bad) {
  at("message").textContent = text;
  at("message").classList.toggle("bad", Boolean(bad));
}

function show(isIn) {
  at("welcome").hidden = isIn;
  at("shares").hidden = !isIn;
  at("logout").hidden = !isIn;
}

function failed(error) {
  if (error.status === 401 && sessionStorage.getItem(KEY) !== null) {
    sessionStorage.removeItem(KEY);
    show(false);
    say("You were logged out. Log in again.", true);
    return;
  }
  const text = error.message || String(error);
  say(text.charAt(0).toUpperCase() + text.slice(1) + (/[.?!]$/.test(text) ? "" : "."), true);
}

function day(bucky) {
  return new Date(bucky / 1000 - EPOCH_MS).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

function line(share) {
  const item = at("share").content.firstElementChild.cloneNode(true);
  const target = share.target.object_id
    ? share.target.object_id + (share.target.inner_path ? "/" + share.target.inner_path : "")
    : `${share.target.path} (as it is at any time)`;
  item.querySelector(".name").textContent = share.label || share.target.inner_path || share.target.path || "No label";
  const state = item.querySelector(".state");
  state.textContent = share.state;
  state.classList.add(share.state === "expired" ? "expired" : "active");
  const until = share.expires === null ? "until you revoke it" : `until ${day(share.expires)}`;
  item.querySelector(".facts").textContent = `For ${AUDIENCES[share.for] || share.for}, ${until}`;
  item.querySelector(".target").textContent = target;
  const button = item.querySelector(".revoke");
  button.setAttribute("aria-label", `Revoke ${share.label || share.id}`);
  button.addEventListener("click", () => revoke(share, button));
  return item;
}

async function revoke(share, button) {
  if (!button.classList.contains("sure")) {
    button.classList.add("sure");
    button.textContent = "Really revoke? It cannot be undone";
    button.setAttribute("aria-label", `Really revoke ${share.label || share.id}? It cannot be undone`);
    button.addEventListener("blur", () => load().catch(failed), { once: true });
    return;
  }
  button.disabled = true;
  try {
    await call("DELETE", `/api/shares/${encodeURIComponent(share.id)}`);
    say("Revoked: nobody gets in by it any more.");
    await load();
    at("shares-title").focus();
  } catch (error) {
    failed(error);
    button.disabled = false;
  }
}

async function load() {
  const { shares } = await call("GET", "/api/shares");
  show(true);
  at("empty").hidden = shares.length > 0;
  at("list").replaceChildren(...shares.map(line));
}

async function login(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  say("Looking at the password …");
  try {
    const { token } = await call("POST", "/api/login", { password: at("password").value });
    sessionStorage.setItem(KEY, token);
    at("password").value = "";
    say("");
    await load();
    at("shares-title").focus();
  } catch (error) {
    failed(error);
    at("password").select();
  } finally {
    button.disabled = false;
  }
}

async function logout() {
  try {
    await call("POST", "/api/logout");
  } catch (error) {
    if (error.status !== 401) {
      failed(error);
      return;
    }
  }
  sessionStorage.removeItem(KEY);
  show(false);
  say("Logged out.");
  at("password").focus();
}

at("shares-title").tabIndex = -1;
at("login").addEventListener("submit", login);
at("logout").addEventListener("click", logout);
if (sessionStorage.getItem(KEY) !== null) load().catch(failed);
