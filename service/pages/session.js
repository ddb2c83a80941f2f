// Who is signed in on this device, by name and password. The session itself is in a cookie that no
// script reads.

import { get, post, remove, send, signedInAnew } from "./api.js";

const withoutAsking = { asks: false };

export const whoAsks = () => get("/v1/session", {}, withoutAsking);

async function signed(address, json) {
  const answer = await send("POST", address, { json, ...withoutAsking });
  signedInAnew();
  return answer.json();
}

export const signIn = (values) => signed("/v1/session", values);
export const acceptInvitation = (values) => signed("/v1/invitations/accept", values);

export async function readInvitation(token) {
  const json = { token };
  return (await send("POST", "/v1/invitations/read", { json, ...withoutAsking })).json();
}

export async function signOut({ everywhere = false } = {}) {
  await remove(`/v1/session${everywhere ? "?everywhere=true" : ""}`);
  signedInAnew();
}

export const changePassword = (values) => post("/v1/session/password", values);

export const PASSWORD_HINT = "At least 15 characters. Three or four words are good.";
export const REMEMBER = "Keep me signed in on this device for 30 days";
