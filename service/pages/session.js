// Who is signed in on this device, by name and password. The session itself is in a cookie that no
// script reads.

import { get, post, Problem, remove, send, signedInAnew } from "./api.js";
import { t } from "./texts.js";

const LEAST_PASSWORD = 15; // characters
const withoutAsking = { asks: false };

export const whoAsks = () => get("/v1/session", {}, withoutAsking);

async function signed(address, json) {
  const answer = await send("POST", address, { json, ...withoutAsking });
  signedInAnew();
  return answer.json();
}

export async function signIn(values) {
  try {
    return await signed("/v1/session", values);
  } catch (error) {
    if (error.status === 401) error.detail = t("account.wrong");
    throw error;
  }
}

// The service refuses it as well; here it is refused in the person's language.
function checkPassword(password) {
  if (password.length < LEAST_PASSWORD)
    throw new Problem({ detail: t("account.passwordShort") }, 422);
}

export async function acceptInvitation(values) {
  checkPassword(values.password);
  return signed("/v1/invitations/accept", values);
}

export async function readInvitation(token) {
  const json = { token };
  return (await send("POST", "/v1/invitations/read", { json, ...withoutAsking })).json();
}

export async function signOut({ everywhere = false } = {}) {
  await remove(`/v1/session${everywhere ? "?everywhere=true" : ""}`);
  signedInAnew();
}

export async function changePassword(values) {
  checkPassword(values.new_password);
  return post("/v1/session/password", values);
}

export const PASSWORD_HINT = t("account.passwordHint");
export const REMEMBER = t("account.remember");
