//! A loan's life, day by day.
