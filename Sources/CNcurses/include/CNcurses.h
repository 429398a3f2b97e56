// All of ncurses that Nibble uses, as plain functions. One terminal a process, one thread draws:
// only `nc_wake` may be called from another. No name of <curses.h> or <term.h> gets out of this
// target.
#ifndef NIBBLE_CNCURSES_H
#define NIBBLE_CNCURSES_H

#include <stdint.h>

enum nc_status {
  NC_OK = 0,
  NC_NOT_A_TERMINAL = 1,  // standard input or output is no terminal
  NC_UNKNOWN_TERM = 2,    // terminfo has no such entry
  NC_CANNOT_MOVE = 3,     // the entry has no cursor movement (TERM=dumb)
  NC_NO_RESOURCES = 4,    // no pipe or no memory
};

enum nc_attribute {
  NC_BOLD = 1,
  NC_DIM = 2,
  NC_ITALIC = 4,
  NC_UNDERLINE = 8,
  NC_REVERSE = 16,
};

enum nc_kind {
  NC_NONE = 0,
  NC_CHARACTER = 1,    // code is a scalar, control characters included
  NC_KEY = 2,          // code is an nc_key, or NC_FUNCTION + n
  NC_MOUSE = 3,        // code is an nc_mouse
  NC_PASTE_START = 4,  // what follows was pasted ...
  NC_PASTE_END = 5,    // ... up to here
};

enum nc_key {
  NC_UP = 1,
  NC_DOWN,
  NC_LEFT,
  NC_RIGHT,
  NC_HOME,
  NC_END,
  NC_PAGE_UP,
  NC_PAGE_DOWN,
  NC_INSERT,
  NC_DELETE,
  NC_BACKSPACE,
  NC_ENTER,
  NC_BACK_TAB,
  NC_FUNCTION = 100,
};

enum nc_mouse {
  NC_PRESS_LEFT = 1,
  NC_PRESS_MIDDLE,
  NC_PRESS_RIGHT,
  NC_RELEASE_LEFT,
  NC_RELEASE_MIDDLE,
  NC_RELEASE_RIGHT,
  NC_WHEEL_UP,
  NC_WHEEL_DOWN,
  NC_MOVE,
  NC_DRAG_LEFT,  // a move with the left button held
};

enum nc_modifier { NC_SHIFT = 1, NC_ALT = 2, NC_CONTROL = 4 };

typedef struct {
  int kind;
  uint32_t code;
  int modifiers;
  int x, y;
} nc_event;

// A cell to draw: a scalar, a combining mark or 0, and the columns it takes.
typedef struct {
  uint32_t scalar, mark;
  int width;
} nc_cell;

enum nc_ready { NC_INPUT = 1, NC_WOKEN = 2, NC_GONE = 4 };

// Takes over the terminal: signals, standard error (kept in memory while the screen is up) and
// screen. `term` is the terminfo entry.
int nc_open(const char *term, int uses_mouse);
// Gives the terminal back; what was written to standard error in between follows. Harmless when
// nothing is open.
void nc_close(void);

// Colours of the terminfo entry, 0 for none.
int nc_colors(void);
// Whether the terminal's character set is UTF-8, as far as the locale says (C counts as UTF-8).
int nc_is_unicode(void);

void nc_size(int *width, int *height);
// The pair of two colours; -1 is the terminal's own colour.
int nc_pair(int foreground, int background);
// Draws cells (the right halves of wide ones left out) from x, y to the right. What lies outside of
// the screen is left out.
void nc_put(int x, int y, const nc_cell *cells, int count, int attributes, int pair);
// Forgets what is on the screen; the next flush draws all of it.
void nc_invalidate(void);
// Sends what changed; a caret at x, y, or none when x < 0.
void nc_flush(int caret_x, int caret_y);

// Waits for input, a wake or a signal, at most so many milliseconds (for ever when negative):
// nc_ready bits.
int nc_wait(int milliseconds);
// Ends a wait; from any thread.
void nc_wake(void);
// The next event, kind NC_NONE when there is none; never waits.
nc_event nc_read(void);

// Whether the window changed since the last call; if so the screen has been adapted.
int nc_take_resize(void);
// Whether the user asked to suspend since the last call.
int nc_take_suspend(void);
// Gives the terminal back, stops the process group, and takes the terminal again when it goes on.
void nc_suspend(void);
// SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 or SIGUSR2, if one came, else 0; the interrupt key is a key. Stays.
int nc_ending(void);

#endif
