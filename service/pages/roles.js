// What the roles allow, in words.

import { t } from "./texts.js";

export const ROLES = ["read", "contribute", "curate", "admin"].map((role) => [
  role,
  t(`role.${role}`),
]);

export const roleText = (role) => (ROLES.find(([name]) => name === role) || [role, role])[1];
