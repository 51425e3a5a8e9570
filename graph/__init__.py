"""Assembly: the application, its doors and its commands. Names areas, holds no rule."""
