// What the roles allow, in words.

export const ROLES = [
  ["read", "read: view and identify"],
  ["contribute", "contribute: also add photos and start jobs"],
  ["curate", "curate: also confirm, merge and undo"],
  ["admin", "admin: also invite people and make keys"],
];

export const roleText = (role) => (ROLES.find(([name]) => name === role) || [role, role])[1];
