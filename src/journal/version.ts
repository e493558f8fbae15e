/** Of the journal's records. A daemon takes over from one that wrote the same version, and from no other. */
export const JOURNAL_VERSION = 2;
