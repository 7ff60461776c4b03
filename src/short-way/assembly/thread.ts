/** Whether the keep has a thread of its own, and its memory is shared with whoever may stop it: told by the build. */
export const IN_THREAD: bool = false;
