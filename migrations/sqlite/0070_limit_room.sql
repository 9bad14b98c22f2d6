-- Rows are changed where they are: there is no room to be kept beside them.
SELECT 1;
